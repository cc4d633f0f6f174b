package console

import (
	"strings"
	"testing"
)

// Every accent that is accepted gives text that can be read, in both themes and on each ground.
func TestTheme_AnAcceptedAccentCanBeReadEverywhere(t *testing.T) {
	accepted := 0
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				c := colour{float64(r), float64(g), float64(b)}
				if (Theme{Accent: c.String()}).Check() != nil {
					continue
				}
				accepted++
				for theme, on := range map[string]struct {
					shades
					grounds []colour
				}{"light": {c.light(), lightGrounds}, "dark": {c.dark(), darkGrounds}} {
					for _, ground := range append([]colour{on.soft}, on.grounds...) {
						if got := contrast(on.accent, ground); got < leastContrast {
							t.Fatalf("%s, %s: the accent %s has a contrast of %.2f on %s", c, theme, on.accent, got,
								ground)
						}
					}
					for _, button := range []colour{on.button, on.over} {
						if got := contrast(white, button); got < leastContrast {
							t.Fatalf("%s, %s: white has a contrast of %.2f on the button %s", c, theme, got, button)
						}
					}
				}
			}
		}
	}
	if accepted < 500 {
		t.Errorf("%d accents are accepted, which proves little", accepted)
	}
}

func TestTheme_ARefusalSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg">`
	for name, test := range map[string]struct {
		theme Theme
		want  string // empty: it is accepted
	}{
		"none":               {Theme{}, ""},
		"a dark accent":      {Theme{Accent: "#7a1f4d"}, ""},
		"a light accent":     {Theme{Accent: "#ff9900"}, "contrast of 2.14, and WCAG 2.2 AA asks for 4.5: take #"},
		"just too light":     {Theme{Accent: "#777777"}, "contrast of 4.48"},
		"a name":             {Theme{Accent: "rebeccapurple"}, "no colour of the form #rrggbb"},
		"three digits":       {Theme{Accent: "#123"}, "no colour of the form #rrggbb"},
		"CSS":                {Theme{Accent: "red;}*{"}, "no colour of the form #rrggbb"},
		"a logo":             {Theme{Logo: svg + `<rect width="24" height="24"/></svg>`}, ""},
		"a logo with script": {Theme{Logo: svg + `<script>alert(1)</script></svg>`}, "<script"},
		"a large logo":       {Theme{Logo: svg + strings.Repeat(" ", MostLogoBytes)}, "may have 2048"},
		"a PNG":              {Theme{Logo: "\x89PNG"}, "no SVG image"},
	} {
		err := test.theme.Check()
		if test.want == "" && err != nil || test.want != "" &&
			(err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	suggested := darkened(colour{0xff, 0x99, 0})
	if err := (Theme{Accent: suggested.String()}).Check(); err != nil {
		t.Errorf("the accent that the refusal suggests is refused: %v", err)
	}
}

func TestFrame_AnOriginIsWhatBrowsersSend(t *testing.T) {
	for text, good := range map[string]bool{
		"https://app.example.com": true, "https://app.example.com:8443": true, "http://localhost:3000": true,
		"http://127.0.0.1:1":       true,
		"https://app.example.com/": false, "https://*.example.com": false, "app.example.com": false,
		"http://app.example.com":  false,
		"https://App.example.com": false, "https://a.example.com; script-src *": false,
		"https://a.example.com https://b.example.com": false,
		"'self'": false, "https://user@app.example.com": false, "": false, "https://a.example.com?x": false,
	} {
		if err := CheckFrameOrigins([]string{text}); (err == nil) != good {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
