package events

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed samples/*.json
var samples embed.FS

// Sample is an example body of the type, as a webhook receives it. It panics when the file is missing or no
// JSON, which every function's first test would show.
func Sample(t Type) json.RawMessage {
	raw, err := samples.ReadFile("samples/" + string(t) + ".json")
	if err != nil || !json.Valid(raw) {
		panic(fmt.Sprintf("events: no valid sample of %s: %v", t, err))
	}
	return raw
}
