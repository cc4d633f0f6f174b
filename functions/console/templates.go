package console

import (
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"strings"
	"time"
	"unicode"
)

//go:embed *.html
var templateFiles embed.FS

func parseTemplates(assets map[string]asset) (*template.Template, error) {
	return template.New("console").Funcs(template.FuncMap{
		"icon": icon, "asset": func(name string) string { return assets[name].name },
		"initials": initials, "tone": logoTone, "utc": utc, "day": day, "listed": and, "values": with,
		"moment": moment, "short": short, "header": headerText,
	}).ParseFS(templateFiles, "*.html")
}

// with gives a component its named values: {{template "card-head" (values "Title" "Health" "Fact" .Fact)}}.
func with(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("with: %d values are no pairs", len(pairs))
	}
	values := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		values[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return values, nil
}

// utc is a time for the attribute datetime.
func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// day is how a time reads without script; the script puts it into the reader's zone.
func day(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

// moment is a time to the second, as logs have it.
func moment(t time.Time) string { return t.UTC().Format("2 Jan, 15:04:05") + " UTC" }

// short is an id that stands among others: its kind and its end.
func short(id any) string {
	text := fmt.Sprint(id)
	if kind, rest, ok := strings.Cut(text, "_"); ok && len(rest) > 8 {
		return kind + "_…" + rest[len(rest)-6:]
	}
	return text
}

// initials stand where no logo is: Nordic Shop is NS.
func initials(name string) string {
	text := ""
	for _, word := range strings.Fields(name) {
		if first := []rune(word)[0]; unicode.IsLetter(first) || unicode.IsDigit(first) {
			text += string(unicode.ToUpper(first))
		}
		if len([]rune(text)) == 2 {
			break
		}
	}
	return text
}

// logoTone is one of the eight grounds of initials, the same for the same extension always.
func logoTone(id any) string {
	h := fnv.New32a()
	fmt.Fprint(h, id)
	return fmt.Sprintf("logo-%d", h.Sum32()%8)
}

// and joins a list as people say it: a, b and c.
func and(items []string) string { return joined(items, "and") }

func joined(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + last + " " + items[len(items)-1]
}
