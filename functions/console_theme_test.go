package functions_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"plugboard/functions/console"
)

// A stage's name, logo and accent are on every page, and the pages are as readable as with Plugboard's own.
func TestConsole_AStageHasItsOwnNameLogoAndAccent(t *testing.T) {
	c := newConsole(t, func(config *console.Config) {
		config.Name = "Harbor"
		config.Theme = console.Theme{
			Accent: "#0a6e4f",
			Logo: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="12" ` +
				`fill="#0a6e4f"/></svg>`,
		}
	})
	b := c.newTab()
	b.wide()
	b.signIn("ada", "extensions/acme-core")
	b.sees(".side .brand", "Harbor")
	if shown := ask(b, chromedp.Evaluate[int](`document.querySelector(".side .brand img").naturalWidth`)); shown == 0 {
		t.Error("the logo is not shown")
	}
	button := ask(b,
		chromedp.Evaluate[string](`getComputedStyle(document.querySelector("#decide .primary")).backgroundColor`))
	if button != "rgb(10, 110, 79)" {
		t.Errorf("the button is %s", button)
	}
	b.look("themed-extension")
	b.open("extensions")
	b.look("themed-extensions")
}
