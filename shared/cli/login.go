package cli

import (
	"context"
	"strings"

	"plugboard/shared/cli/credentials"
)

type loginCommand struct {
	URL     string `name:"url" help:"The API's URL. Not needed for another key of the same profile." placeholder:"URL"`
	Console bool   `help:"Open the console's page of API tokens first, where an admin makes one to paste."`
}

func (c *loginCommand) Help() string {
	return "The key is read from standard input, so that it stands in no history: `plugboard login --url URL < " +
		"key.txt`. " +
		"On a terminal it is asked for, and not shown. A partner key, an API token and a user's sign-in token are " +
		"recognised; the platform's key needs --as platform. A profile keeps one key of each kind, in a file that " +
		"only you " +
		"can read. The server is asked first whether it accepts the key."
}

type loggedIn struct {
	Profile string           `json:"profile"`
	Kind    credentials.Kind `json:"kind"`
	URL     string           `json:"url"`
}

func (r loggedIn) text(p *paper) {
	p.good("Logged in to %s with %s, as the profile %s.", r.URL, kindNames[r.Kind], r.Profile)
}

func (c *loginCommand) Run(ctx context.Context, a *app) error {
	url, err := c.url(a)
	if err != nil {
		return err
	}
	if c.Console {
		if err := a.browse(url + "/console/tokens"); err != nil {
			return err
		}
	}
	key, err := a.askKey()
	if err != nil {
		return err
	}
	kind, known := credentials.KindOf(key)
	switch {
	case a.As != "" && (!known || kind == credentials.Kind(a.As)):
		kind = credentials.Kind(a.As)
	case known && a.As != "":
		return fail(ExitUsage, "usage", "This is %s, and --as says %s.", kindNames[kind], a.As)
	case kind == credentials.Agent:
		return fail(ExitUsage, "usage", "This is an agent's key. `plugboard agent pair` makes this machine an agent, "+
			"by a code.")
	case !known:
		return fail(ExitUsage, "usage", "This key is of no known kind. The platform's key needs --as platform.")
	}
	saved := credentials.Credential{URL: url, Key: key, SavedAt: a.Now()}
	if err := a.tryKey(ctx, kind, saved); err != nil {
		return err
	}
	if err := a.store.Save(a.Profile, kind, saved); err != nil {
		return err
	}
	return a.screen.show(loggedIn{a.Profile, kind, url})
}

// url is the one given, or the profile's. All keys of a profile are for one server.
func (c *loginCommand) url(a *app) (string, error) {
	all, err := a.store.Load(a.Profile)
	if err != nil {
		return "", err
	}
	given := strings.TrimRight(c.URL, "/")
	for _, kind := range credentials.Kinds {
		has, ok := all[kind]
		if ok && given != "" && has.URL != given {
			return "", fail(
				ExitUsage,
				"usage",
				"The profile %q is for %s. Name another by --profile, or run `plugboard logout` first.",
				a.Profile,
				has.URL,
			)
		}
		if ok {
			return has.URL, nil
		}
	}
	if given == "" {
		return "", fail(ExitUsage, "usage", "Give the API's URL by --url, once for each profile.")
	}
	if err := credentials.CheckURL(given); err != nil {
		return "", fail(ExitUsage, "usage", "%s.", sentence(err.Error()))
	}
	return given, nil
}

func (a *app) askKey() (string, error) {
	if a.AskSecret == nil {
		return a.oneLine("-", "key")
	}
	key, err := a.AskSecret("Paste the key (it is not shown): ")
	if err != nil {
		return "", err
	}
	if key = strings.TrimSpace(key); key == "" || strings.ContainsAny(key, " \t") {
		return "", fail(ExitUsage, "usage", "This is no key.")
	}
	return key, nil
}

// tryKey asks the server whether it accepts the key, by an operation that any of its kind may call.
func (a *app) tryKey(ctx context.Context, kind credentials.Kind, c credentials.Credential) error {
	id, in := "read-me", input{}
	if kind == credentials.Partner || kind == credentials.Platform {
		id, in = "list-extensions", input{"limit": 1}
	}
	return a.callWith(ctx, id, in, kind, c)
}
