package events

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed invocations/*.json
var invocations embed.FS

// Invocation is an example of what Lambda hands to the function. It panics when there is none.
func Invocation(function string) json.RawMessage {
	raw, err := invocations.ReadFile("invocations/" + function + ".json")
	if err != nil || !json.Valid(raw) {
		panic(fmt.Sprintf("events: no valid invocation of %s: %v", function, err))
	}
	return raw
}
