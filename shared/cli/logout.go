package cli

import "plugboard/shared/cli/credentials"

type logoutCommand struct{}

func (*logoutCommand) Help() string {
	return "Deletes all keys of the profile, or with --as those of one kind. The keys stay valid on the server: " +
		"to end " +
		"one, rotate or revoke it there."
}

type loggedOut struct {
	Profile string             `json:"profile"`
	Removed []credentials.Kind `json:"removed"`
}

func (r loggedOut) text(p *paper) {
	if len(r.Removed) == 0 {
		p.line("The profile %s had no keys.", r.Profile)
		return
	}
	p.good("The keys of the profile %s are deleted from this machine.", r.Profile)
}

func (*logoutCommand) Run(a *app) error {
	kinds := credentials.Kinds
	if a.As != "" {
		kinds = []credentials.Kind{credentials.Kind(a.As)}
	}
	removed, err := a.store.Remove(a.Profile, kinds...)
	if err != nil {
		return err
	}
	return a.screen.show(loggedOut{a.Profile, removed})
}
