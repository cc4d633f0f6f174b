package console

import (
	"encoding/json"
	"fmt"
	"slices"
)

// What the page of an extension offers, line by line, so that a later page can say what changed.

// offered is every promise of the page as a line of text.
func (p extensionPage) offered() []string {
	var lines []string
	add := func(title, text string) {
		if text != "" {
			title += ": " + text
		}
		lines = append(lines, title)
	}
	for _, item := range p.Creates {
		add(item.Title, item.Text)
		for _, t := range item.Tags {
			add(item.Title, t.Text)
		}
		if item.Icon == "webhook" || item.Icon == "activity" {
			add(item.Title, item.Fact) // the host
		}
	}
	for _, b := range p.Brings {
		add(fmt.Sprintf("Enables %s, version %d", b.Name, b.Version), b.Text)
	}
	for _, out := range p.Leaves {
		for _, data := range out.Data {
			add("To "+out.Host, data.Key+": "+data.Value)
		}
	}
	for _, f := range p.Fields {
		if f.ID != "" {
			add("Asks for "+f.Label, "")
		}
	}
	return lines
}

// encoded is the offer for a hidden field of the form.
func encoded(lines []string) string {
	raw, _ := json.Marshal(lines) // texts alone
	return string(raw)
}

// changes compares the offer with one that an earlier page encoded. An offer that cannot be read is compared as empty.
func (p extensionPage) changes(before string) (added, gone []string) {
	var seen []string
	_ = json.Unmarshal([]byte(before), &seen)
	now := p.offered()
	for _, line := range now {
		if !slices.Contains(seen, line) {
			added = append(added, line)
		}
	}
	for _, line := range seen {
		if !slices.Contains(now, line) {
			gone = append(gone, line)
		}
	}
	return added, gone
}
