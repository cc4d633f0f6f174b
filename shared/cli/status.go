package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plugboard/shared/domain"
)

type statusCommand struct {
	extensionFlag
	Watch bool `help:"Wait for the review of the newest version, and show each change. The exit code is 1 when it is rejected."`
}

type extensionView struct {
	ID     string                `json:"id"`
	Name   string                `json:"name"`
	State  domain.ExtensionState `json:"state"`
	Latest int                   `json:"latest_version"`
	Listed int                   `json:"listed_version"`
}

type versionView struct {
	Version    int                 `json:"version"`
	State      domain.VersionState `json:"state"`
	Reasons    []string            `json:"reasons,omitempty"`
	YankReason string              `json:"yank_reason,omitempty"`
}

type status struct {
	Extension extensionView `json:"extension"`
	Versions  []versionView `json:"versions"`
}

func (s status) text(p *paper) {
	p.line("%s (%s) is %s.", s.Extension.Name, s.Extension.ID, s.Extension.State)
	if len(s.Versions) == 0 {
		p.dim("No version is submitted yet.")
	}
	for _, v := range s.Versions {
		said := fmt.Sprintf("version %d: %s", v.Version, v.State)
		for _, r := range v.Reasons {
			said += ". " + r
		}
		if v.YankReason != "" {
			said += ". " + v.YankReason
		}
		switch v.State {
		case domain.VersionRejected, domain.VersionYanked:
			p.bad("%s", said)
		case domain.VersionApproved, domain.VersionListed:
			p.good("%s", said)
		default:
			p.dim("%s", said)
		}
	}
}

func (c *statusCommand) Run(ctx context.Context, a *app) error {
	id, err := c.id(a)
	if err != nil {
		return err
	}
	for shown := (status{}); ; {
		s, err := a.status(ctx, id)
		if err != nil {
			return err
		}
		if shown.differs(s) {
			show := a.screen.show
			if c.Watch {
				show = a.screen.line
			}
			if err := show(s); err != nil {
				return err
			}
			shown = s
		}
		switch newest := s.newest(); {
		case !c.Watch:
			return nil
		case newest.State == domain.VersionRejected || newest.State == domain.VersionYanked:
			return errNo
		case newest.State != domain.VersionSubmitted:
			return nil
		}
		a.screen.doing("Waiting for the review of version %d …", s.newest().Version)
		if err := a.Wait(ctx, 5*time.Second); err != nil {
			return err
		}
	}
}

func (a *app) status(ctx context.Context, id string) (status, error) {
	s := status{Versions: []versionView{}}
	if err := a.call(ctx, "read-extension", input{"extension_id": id}, &s.Extension); err != nil {
		return s, err
	}
	err := pages(ctx, a, "list-versions", input{"extension_id": id}, func(v versionView) bool {
		s.Versions = append(s.Versions, v)
		return true
	})
	slices.SortFunc(s.Versions, func(a, b versionView) int { return a.Version - b.Version })
	return s, err
}

// newest is the zero value when no version is submitted.
func (s status) newest() versionView {
	if len(s.Versions) == 0 {
		return versionView{}
	}
	return s.Versions[len(s.Versions)-1]
}

func (s status) differs(other status) bool {
	same := func(a, b versionView) bool { return a.Version == b.Version && a.State == b.State }
	return s.Extension != other.Extension || !slices.EqualFunc(s.Versions, other.Versions, same)
}
