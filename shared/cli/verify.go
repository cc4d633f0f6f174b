package cli

import (
	"strings"

	"plugboard/shared/cli/capture"
	"plugboard/shared/domain"
)

type verifyCommand struct {
	Request string `arg:"" default:"-" help:"The captured request: headers, an empty line, the body to the byte; or JSON with headers and body. Default: standard input."`
	Secret  string `name:"secret-file" help:"A file with the webhook's signing secret, whsec_…. Several lines are several secrets." required:"" placeholder:"FILE"`
	Webhook string `help:"The webhook's id: it tells the id that the request must have." placeholder:"ID"`
}

func (*verifyCommand) Help() string {
	return "Says what differs from the request that was sent: the timestamp, the id, blanks in the body, JSON " +
		"that was " +
		"written anew, or the secret. Nothing is sent. The exit code is 1 when a library would refuse the request now."
}

type verification struct {
	Verified bool              `json:"verified"`
	ID       string            `json:"webhook_id_header"`
	Findings []capture.Finding `json:"findings"`
}

func (v verification) text(p *paper) {
	if v.Verified {
		p.good("The signature of %s verifies.", v.ID)
		return
	}
	for _, f := range v.Findings {
		p.bad("%s: %s", f.Part, f.Detail)
	}
}

func (c *verifyCommand) Run(a *app) error {
	if c.Request == "-" && c.Secret == "-" {
		return fail(ExitUsage, "usage", "Only one of the request and the secret can come from standard input.")
	}
	raw, err := a.read(c.Request)
	if err != nil {
		return err
	}
	secrets, err := a.read(c.Secret)
	if err != nil {
		return err
	}
	lines := strings.Fields(string(secrets))
	if len(lines) == 0 {
		return fail(ExitUsage, "usage", "There is no secret in %s.", inputName(c.Secret))
	}
	captured, err := capture.Parse(raw)
	if err != nil {
		return fail(ExitUsage, "usage", "%s holds no HTTP request: %s.", sentence(inputName(c.Request)), err)
	}
	found := capture.Diagnose(
		captured,
		capture.Expect{Secrets: lines, Webhook: domain.WebhookID(c.Webhook), Now: a.Now()},
	)
	v := verification{len(found) == 0, captured.ID, append([]capture.Finding{}, found...)}
	if err := a.screen.show(v); err != nil || v.Verified {
		return err
	}
	return errNo
}
