package domain

// Revision counts the writes of a stored value. A write names the revision it read, and fails when another write came
// in between, so that no change is lost.
type Revision struct {
	Rev int `json:"rev"`
}

// Bump raises the revision and returns the one before.
func (r *Revision) Bump() int {
	r.Rev++
	return r.Rev - 1
}
