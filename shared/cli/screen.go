package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode"
)

// result is what a command answers with: JSON by its tags, or text for people.
type result interface{ text(p *paper) }

// screen is where a command shows its result, and what it is doing meanwhile. Several goroutines may use it.
type screen struct {
	out, err io.Writer
	json     bool
	colour   bool // of out
	live     bool // err is a terminal: the progress line is rewritten

	mu       sync.Mutex
	progress bool // a progress line stands on err
}

// show prints the result of a command: with --json as one indented document.
func (s *screen) show(r result) error { return s.print(r, "  ") }

// line prints one of many results as it comes: with --json as one line.
func (s *screen) line(r result) error { return s.print(r, "") }

func (s *screen) print(r result, indent string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endProgress()
	if !s.json {
		r.text(&paper{s.out, s.colour})
		return nil
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(r)
}

// doing tells on the error stream about something that takes time. With --json nothing is told.
func (s *screen) doing(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.json {
		return
	}
	said := printable(fmt.Sprintf(format, args...))
	if !s.live {
		fmt.Fprintln(s.err, said)
		return
	}
	fmt.Fprintf(s.err, "\r\x1b[K%s", said)
	s.progress = true
}

func (s *screen) endProgress() {
	if s.progress {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.progress = false
	}
}

// note tells a person something beside the result, on the error stream.
func (s *screen) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endProgress()
	if !s.json {
		fmt.Fprintln(s.err, printable(fmt.Sprintf(format, args...)))
	}
}

// fail prints a failure on the error stream.
func (s *screen) fail(f *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endProgress()
	if f.Detail == "" {
		return
	}
	if s.json {
		encoder := json.NewEncoder(s.err)
		encoder.SetEscapeHTML(false)
		encoder.Encode(struct {
			Error *Failure `json:"error"`
		}{f})
		return
	}
	fmt.Fprintf(s.err, "plugboard: %s", printable(f.Detail))
	if f.RequestID != "" {
		fmt.Fprintf(s.err, " (%s, request %s)", printable(f.Code), printable(f.RequestID))
	}
	fmt.Fprintln(s.err)
	for _, e := range f.Errors {
		fmt.Fprintf(s.err, "  %s: %s\n", printable(e.Pointer), printable(e.Detail))
	}
}

// paper prints text for people. Whatever comes from elsewhere is printed without control characters, which a terminal
// would obey.
type paper struct {
	w      io.Writer
	colour bool
}

const (
	red   = "31"
	green = "32"
	dim   = "2"
)

func (p *paper) line(format string, args ...any) { p.styled("", "", format, args...) }
func (p *paper) good(format string, args ...any) { p.styled(green, "✓ ", format, args...) }
func (p *paper) bad(format string, args ...any)  { p.styled(red, "✗ ", format, args...) }
func (p *paper) dim(format string, args ...any)  { p.styled(dim, "  ", format, args...) }

func (p *paper) styled(style, mark, format string, args ...any) {
	said := mark + printable(fmt.Sprintf(format, args...))
	if p.colour && style != "" {
		said = "\x1b[" + style + "m" + said + "\x1b[0m"
	}
	fmt.Fprintln(p.w, said)
}

// table prints rows in columns.
func (p *paper) table(rows ...[]string) {
	w := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(row[i]))
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	w.Flush()
}

// printable replaces control characters, but for line ends and tabs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
