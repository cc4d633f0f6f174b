package blueprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// places knows where in a JSON text each value stands, by its JSON pointer.
type places struct {
	text    []byte
	values  map[string]int // where a value begins
	names   map[string]int // where the name of a member begins
	repeats []fault.Field  // names that stand twice in one object: the decoder would keep the last
}

// placesIn reads a whole JSON text. The error is a *json.SyntaxError.
func placesIn(text []byte) (*places, error) {
	p := &places{text: text, values: map[string]int{}, names: map[string]int{}}
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		return p, err
	}
	return p, p.value(json.NewDecoder(bytes.NewReader(text)), "")
}

// next is where the next token begins.
func (p *places) next(d *json.Decoder) int {
	at := int(d.InputOffset())
	for at < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[at]) >= 0 {
		at++
	}
	return at
}

func (p *places) value(d *json.Decoder, pointer string) error {
	p.values[pointer] = p.next(d)
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return p.object(d, pointer)
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := p.value(d, pointer+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func (p *places) object(d *json.Decoder, pointer string) error {
	for d.More() {
		at := p.next(d)
		token, err := d.Token()
		if err != nil {
			return err
		}
		inner := pointer + "/" + domain.EscapePointer(token.(string))
		if _, repeated := p.names[inner]; repeated {
			p.repeats = append(
				p.repeats,
				fault.Field{
					Pointer: inner,
					Code:    "duplicate",
					Detail:  fmt.Sprintf("The name %q stands here twice.", token),
				},
			)
		}
		p.names[inner] = at
		if err := p.value(d, inner); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// of is where the value at the pointer stands. What is missing is looked for where it belongs.
func (p *places) of(f fault.Field) (line, column int) {
	pointer := f.Pointer
	if at, ok := p.names[pointer]; ok && (f.Code == "unknown" || f.Code == "duplicate") {
		return p.position(at)
	}
	for {
		if at, ok := p.values[pointer]; ok {
			return p.position(at)
		}
		last := strings.LastIndexByte(pointer, '/')
		if last < 0 {
			return 1, 1
		}
		pointer = pointer[:last]
	}
}

// position counts lines, and columns in characters, from 1.
func (p *places) position(offset int) (line, column int) {
	before := p.text[:min(max(offset, 0), len(p.text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}
