package console

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Theme is how a stage's console looks, besides its name. Its values come from the stage, and are checked before
// anything is deployed.
type Theme struct {
	// Accent is the colour of buttons and links, as #rrggbb; empty for Plugboard's own.
	Accent string `env:"CONSOLE_ACCENT"`
	// Logo is an SVG image, in the place of Plugboard's; empty for that.
	Logo string `env:"CONSOLE_LOGO"`
}

const (
	// leastContrast is that of text, by WCAG 2.2 AA (1.4.3).
	leastContrast = 4.5
	// MostLogoBytes leaves room for the others among a function's variables, which have 4 KB together.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
	MostLogoBytes = 2048
)

// Check fails for an accent on which white text would be hard to read, naming a darker one, and for a logo that is no
// plain SVG image.
func (t Theme) Check() error {
	if t.Accent != "" {
		accent, err := parseColour(t.Accent)
		if err != nil {
			return err
		}
		if c := contrast(accent, white); c < leastContrast {
			return fmt.Errorf("white text on the accent %s has a contrast of %.2f, and WCAG 2.2 AA asks for %.1f: "+
				"take %s, which is darker, or another",
				t.Accent, c, leastContrast, darkened(accent))
		}
	}
	logo := strings.ToLower(strings.TrimSpace(t.Logo))
	switch {
	case logo == "":
		return nil
	case len(t.Logo) > MostLogoBytes:
		return fmt.Errorf("the logo has %d bytes, and may have %d", len(t.Logo), MostLogoBytes)
	case !strings.HasPrefix(logo, "<svg") && !strings.HasPrefix(logo, "<?xml") ||
		!strings.Contains(logo, "http://www.w3.org/2000/svg"):
		return errors.New(`the logo is no SVG image: it begins with <svg xmlns="http://www.w3.org/2000/svg"`)
	}
	for _, part := range []string{"<script", "<foreignobject", "<style", "javascript:", "<!entity", "url(http"} {
		if strings.Contains(logo, part) {
			return fmt.Errorf("the logo has %s in it, which no plain image has", part)
		}
	}
	return nil
}

// colour is in sRGB, each part from 0 to 255.
type colour [3]float64

var white, black = colour{255, 255, 255}, colour{}

// The grounds on which the accent is read: tokens of console.css.
var (
	lightGrounds = []colour{{0xf7, 0xf6, 0xf4}, white, {0xf3, 0xf2, 0xee}}
	darkSurface  = colour{0x1b, 0x1b, 0x19}
	darkGrounds  = []colour{{0x12, 0x12, 0x11}, darkSurface, {0x15, 0x15, 0x14}}
)

func parseColour(text string) (colour, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 32)
	if err != nil || len(text) != 7 || text[0] != '#' {
		return colour{}, fmt.Errorf("the accent %q is no colour of the form #rrggbb", text)
	}
	return colour{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}, nil
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// mixed is the colour with so much of another, from 0 to 1, in it. It is rounded as it is written.
func (c colour) mixed(other colour, part float64) colour {
	var m colour
	for i := range c {
		m[i] = math.Round(c[i] + (other[i]-c[i])*part)
	}
	return m
}

// luminance is the relative one of WCAG 2.2.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, part := range c {
		if part /= 255; part <= 0.04045 {
			l[i] = part / 12.92
		} else {
			l[i] = math.Pow((part+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast is from 1 to 21 (WCAG 2.2).
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// towards mixes the other colour in, a little more each time, until the result can be read on every ground.
func (c colour) towards(other colour, grounds ...colour) colour {
	for part := 0.0; part < 1; part += 0.02 {
		m, least := c.mixed(other, part), 21.0
		for _, ground := range grounds {
			least = min(least, contrast(m, ground))
		}
		if least >= leastContrast {
			return m
		}
	}
	return other
}

func darkened(c colour) colour { return c.towards(black, white) }

// shades are what the style sheet makes of an accent in one theme.
type shades struct{ accent, soft, line, button, over colour }

func (c colour) light() shades {
	soft := c.mixed(white, 0.92)
	return shades{
		accent: c.towards(black, append([]colour{soft}, lightGrounds...)...), soft: soft, line: c.mixed(white, 0.7),
		button: c, over: c.mixed(black, 0.16),
	}
}

func (c colour) dark() shades {
	soft := darkSurface.mixed(c, 0.25)
	return shades{
		accent: c.mixed(white, 0.45).towards(white, append([]colour{soft}, darkGrounds...)...), soft: soft,
		line:   darkSurface.mixed(c, 0.6),
		button: c, over: c.mixed(black, 0.16),
	}
}

func (s shades) String() string {
	return fmt.Sprintf(":root { --accent: %s; --accent-soft: %s; --accent-line: %s; --button: %s; --button-over: %s; }",
		s.accent, s.soft, s.line, s.button, s.over)
}

// css overrides the accent's tokens; empty for Plugboard's own.
func (t Theme) css() string {
	if t.Accent == "" {
		return ""
	}
	accent, _ := parseColour(t.Accent) // Check accepted it
	return fmt.Sprintf("%s\n@media (prefers-color-scheme: dark) { %s }\n", accent.light(), accent.dark())
}

// assets are the files of the theme: none for Plugboard's own.
func (t Theme) assets() map[string]asset {
	all := map[string]asset{}
	if css := t.css(); css != "" {
		all["theme.css"] = newAsset("theme.css", []byte(css))
	}
	if t.Logo != "" {
		all["logo.svg"] = newAsset("logo.svg", []byte(t.Logo))
	}
	return all
}
