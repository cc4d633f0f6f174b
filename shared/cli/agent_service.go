package cli

import (
	"os"
	"path/filepath"
	"strings"
)

type agentServiceCommand struct {
	To      string `required:"" help:"The endpoint in this network." placeholder:"URL"`
	Headers string `help:"The file of headers that the endpoint wants. The service's user must be able to read it." placeholder:"FILE"`
	Program string `help:"The program's path. Default: this program's." placeholder:"FILE"`
}

func (*agentServiceCommand) Help() string {
	return "Write it to /etc/systemd/system/plugboard-agent.service, and pair as its user: " +
		"`sudo install -d -m 0700 -o plugboard /var/lib/plugboard`, then " +
		"`sudo -u plugboard PLUGBOARD_CONFIG=/var/lib/plugboard plugboard agent pair …`."
}

type serviceFile struct {
	Unit string `json:"unit"`
}

func (s serviceFile) text(p *paper) { p.line("%s", strings.TrimSuffix(s.Unit, "\n")) }

func (c *agentServiceCommand) Run(a *app) error {
	if err := checkTarget(c.To); err != nil {
		return err
	}
	program := c.Program
	if program == "" {
		own, err := os.Executable()
		if err != nil {
			return err
		}
		program = own
	}
	if !filepath.IsAbs(program) {
		return fail(ExitUsage, "usage", "systemd wants the whole path of the program, not %q.", program)
	}
	command := []string{program, "agent", "run", "--profile", a.Profile, "--to", c.To}
	if c.Headers != "" {
		command = append(command, "--headers", c.Headers)
	}
	for i, word := range command {
		command[i] = unitWord(word)
	}
	unit := strings.ReplaceAll(unitText, "COMMAND", strings.Join(command, " "))
	return a.screen.show(serviceFile{unit})
}

// unitWord quotes a word for a unit, in which % and $ are special (systemd.service(5)).
func unitWord(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if strings.ContainsAny(word, " \t'\"") {
		return `"` + word + `"`
	}
	return word
}

const unitText = `[Unit]
Description=Plugboard agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=COMMAND
User=plugboard
Environment=PLUGBOARD_CONFIG=/var/lib/plugboard
StateDirectory=plugboard
StateDirectoryMode=0700
Restart=always
RestartSec=5
# The endpoint answers within 30 seconds, and its answer is acknowledged then.
TimeoutStopSec=45
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
`
