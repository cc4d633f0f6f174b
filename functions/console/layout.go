package console

import (
	"strings"

	"plugboard/shared/domain"
)

// navGroup is a part of the navigation.
type navGroup struct {
	Label string
	Items []navItem
}

type navItem struct {
	Nav
	Page string // below the console's root
	Open bool
}

// navigation is every route with a place in it that the role may open. path is the request's.
func navigation(path string, role domain.Role) []navGroup {
	groups := []navGroup{{Label: connect}, {Label: deliver}, {Label: account}}
	for _, r := range Routes() {
		for i := range groups {
			if groups[i].Label != r.Nav.Group || !role.AtLeast(r.Role) {
				continue
			}
			open := path == r.Path || strings.HasPrefix(path, r.Path+"/") || r.ID == "extensions" &&
				strings.HasPrefix(path, root+"/installations/")
			groups[i].Items = append(groups[i].Items, navItem{r.Nav, strings.TrimPrefix(r.Path, root+"/"), open})
		}
	}
	return groups
}
