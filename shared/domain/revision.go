package domain

// Revision counts the writes of a stored thing. A write names the revision it read; another's write in
// between makes it fail instead of being lost.
type Revision struct {
	Rev int `json:"rev"`
}

// Bump counts one more write and returns the revision before it.
func (r *Revision) Bump() int {
	r.Rev++
	return r.Rev - 1
}
