package cli

import (
	"strconv"

	"plugboard/shared/cli/operations"
)

type exitsCommand struct{}

type exitList struct {
	Exits any `json:"exits"`
}

func (exitList) text(p *paper) {
	var rows [][]string
	for _, e := range Exits {
		rows = append(rows, []string{strconv.Itoa(int(e.Exit)), e.Meaning})
	}
	p.table(rows...)
}

func (*exitsCommand) Run(a *app) error { return a.screen.show(exitList{Exits}) }

type versionCommand struct{}

type version struct {
	API string `json:"api_version"`
}

func (v version) text(p *paper) { p.line("plugboard %s", v.API) }

func (*versionCommand) Run(a *app) error { return a.screen.show(version{operations.Version()}) }
