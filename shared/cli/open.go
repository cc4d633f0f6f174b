package cli

import (
	"net/url"
	"strings"

	"plugboard/shared/cli/credentials"
)

type openCommand struct {
	What string `arg:"" optional:"" help:"A page: extensions, webhooks, deliveries, recover, why or tokens; or the id of a webhook, an event or an extension."`
}

func (*openCommand) Help() string {
	return "The page's address is printed. On a terminal it is opened in the browser, too."
}

type openedPage struct {
	URL string `json:"url"`
}

func (o openedPage) text(p *paper) { p.line("%s", o.URL) }

var consolePages = map[string]string{
	"": "", "extensions": "/extensions", "webhooks": "/webhooks", "deliveries": "/deliveries", "recover": "/recover",
	"why": "/why", "tokens": "/tokens",
}

func (c *openCommand) Run(a *app) error {
	all, err := a.store.Load(a.Profile)
	if err != nil {
		return err
	}
	base := ""
	for _, kind := range credentials.Kinds {
		if has, ok := all[kind]; ok {
			base = has.URL
			break
		}
	}
	if base == "" {
		return fail(
			ExitUnauthenticated,
			"not-logged-in",
			"Nobody is logged in under the profile %q, so no console is known.",
			a.Profile,
		)
	}
	page := base + "/console" + consolePath(c.What)
	if err := a.screen.show(openedPage{page}); err != nil {
		return err
	}
	return a.browse(page)
}

// consolePath is a page's path by its name, or by the id that it shows.
func consolePath(what string) string {
	if page, known := consolePages[what]; known {
		return page
	}
	id := url.PathEscape(what)
	switch prefix, _, _ := strings.Cut(what, "_"); prefix {
	case "whk":
		return "/webhooks/" + id
	case "evt":
		return "/why?event=" + url.QueryEscape(what)
	}
	return "/extensions/" + id
}

// browse opens a page where a person sits at a terminal.
func (a *app) browse(page string) error {
	if a.Browse == nil || !a.OutTerminal || a.JSON {
		return nil
	}
	if err := a.Browse(page); err != nil {
		a.screen.note("No browser could be opened; open the address yourself.")
	}
	return nil
}
