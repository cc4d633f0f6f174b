package console

import (
	"cmp"
	"slices"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The words of an upgrade: each change of its plan is a line.

// upgradeGroups are the plan's changes in words.
func upgradeGroups(
	e contract.CatalogueExtension, i contract.InstallationView, p contract.UpgradePreview,
) []diffGroup {
	var groups []diffGroup
	add := func(icon, title string, lines []diffLine) {
		if len(lines) > 0 {
			groups = append(groups, diffGroup{icon, title, lines})
		}
	}
	add("key", "API token", scopeLines(p))
	for _, t := range p.TemplateTypes {
		add("template", "Template type “"+t.Name+"”", templateTypeLines(t))
	}
	hosts := []string{}
	byHost := map[string][]diffLine{}
	names := map[string]string{}
	for _, r := range i.Resources {
		if r.Kind == domain.StepTemplateType {
			names[r.ExtensionType] = r.Name
		}
	}
	for _, t := range p.TemplateTypes {
		names[t.ExtensionType] = t.Name
	}
	for _, w := range p.Webhooks {
		host := hostOf(w.URL)
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
		byHost[host] = append(byHost[host], webhookLines(w, cmp.Or(names[w.ExtensionType], w.ExtensionType))...)
	}
	for _, host := range hosts {
		add("webhook", "Webhooks to "+host, byHost[host])
	}
	add("extensions", "Other extensions", dependencyLines(p))
	add("switch", "Set-up by its maker", setupLines(e, p.Setup))
	add("file", "Parameters", parameterLines(p))
	return groups
}

func scopeLines(p contract.UpgradePreview) []diffLine {
	var lines []diffLine
	for _, s := range p.ScopesAdded {
		lines = append(lines, added(scopeText(s), string(s)))
	}
	for _, s := range p.ScopesRemoved {
		lines = append(lines, removed(scopeText(s), string(s)))
	}
	return lines
}

func scopeText(s domain.Scope) string { return cmp.Or(scopeWords[s], string(s)) }

func templateTypeLines(t domain.TemplateTypeUpgrade) []diffLine {
	var lines []diffLine
	switch t.Change {
	case domain.UpgradeAdds:
		lines = append(lines, added("The template type itself", t.ExtensionType))
	case domain.UpgradeDeactivates:
		line := removed("The new version lacks it. It stays, and no new contract uses its fields.", t.ExtensionType)
		line.Word = "Inactive"
		lines = append(lines, line)
	}
	for _, f := range t.Fields {
		lines = append(lines, fieldLine(f))
	}
	if len(lines) == 0 {
		lines = append(lines, changed("Changed", "Its name or its description", t.ExtensionType))
	}
	return lines
}

func fieldLine(f domain.FieldUpgrade) diffLine {
	switch {
	case f.Change == domain.UpgradeAdds && f.Becomes != nil:
		return added(f.Becomes.Name+", "+kindWords[f.Becomes.Kind], f.CustomID)
	case f.Change == domain.UpgradeDeactivates && f.Was != nil:
		line := removed(f.Was.Name+" disappears from new contracts. Contracts that have a value keep it.", f.CustomID)
		line.Word = "Inactive"
		return line
	case f.Was == nil || f.Becomes == nil:
		return changed("Changed", f.CustomID, f.CustomID)
	}
	was, becomes := *f.Was, *f.Becomes
	line := changed("Changed", becomes.Name, f.CustomID)
	if was.Name != becomes.Name {
		line.Word, line.Before = "Renamed", was.Name
	}
	var more []string
	if was.Kind != becomes.Kind {
		more = append(more, "is "+kindWords[becomes.Kind]+", was "+kindWords[was.Kind])
	}
	if was.Default != becomes.Default {
		more = append(more, defaultWords(becomes.Default))
	}
	if was.Filler() != becomes.Filler() {
		more = append(more, fillerWords[becomes.Filler()])
	}
	if was.Description != becomes.Description || was.Placeholder != becomes.Placeholder {
		more = append(more, "has another description")
	}
	if len(more) > 0 {
		line.Text += ": " + and(more)
	}
	return line
}

var kindWords = map[domain.FieldKind]string{
	domain.Text: "a text", domain.Checkbox: "a checkbox", domain.Number: "a number", domain.Date: "a date",
}

var fillerWords = map[domain.Filler]string{
	domain.FilledByAccount: "only the account fills it in", domain.FilledByParticipants: "participants may fill it in",
}

func defaultWords(value string) string {
	if value == "" {
		return "starts empty"
	}
	return "starts as “" + value + "”"
}

func webhookLines(w domain.WebhookUpgrade, templateType string) []diffLine {
	of := "contracts of “" + templateType + "”"
	if w.ExtensionType == "" {
		of = "the installation itself"
	}
	switch w.Change {
	case domain.UpgradeAdds:
		return []diffLine{added("It is sent events of "+of, w.Key)}
	case domain.UpgradeRemoves:
		return []diffLine{removed("It is sent no more events of "+of, w.Key)}
	}
	var lines []diffLine
	if w.URLBefore != "" {
		moved := changed("Moved", w.URL+", for "+of, w.Key)
		moved.Before = w.URLBefore
		lines = append(lines, moved)
	}
	for _, event := range w.EventsAdded {
		lines = append(lines, added("It also hears of "+heard([]string{event})+", for "+of, event))
	}
	for _, event := range w.EventsRemoved {
		lines = append(lines, removed("It no longer hears of "+heard([]string{event})+", for "+of, event))
	}
	if len(lines) == 0 {
		lines = append(lines, changed("Changed", "Headers, authentication or retries, for "+of, w.Key))
	}
	return lines
}

func dependencyLines(p contract.UpgradePreview) []diffLine {
	var lines []diffLine
	for _, id := range p.AlsoEnables {
		lines = append(lines, added("It is enabled with the upgrade", string(id)))
	}
	for _, d := range p.Dependencies {
		switch {
		case d.Change == domain.UpgradeAdds && !slices.Contains(p.AlsoEnables, d.Extension):
			lines = append(lines, added("It becomes needed, and is there already", string(d.Extension)))
		case d.Change == domain.UpgradeRemoves:
			lines = append(lines, changed("Not needed", "It stays enabled, and can be disabled", string(d.Extension)))
		}
	}
	return lines
}

func setupLines(e contract.CatalogueExtension, change domain.UpgradeChange) []diffLine {
	name := cmp.Or(e.Maker, e.Name)
	switch change {
	case domain.UpgradeAdds:
		return []diffLine{added(name+" takes the token itself. You hand it over after the upgrade.", "")}
	case domain.UpgradeChanges:
		return []diffLine{changed("Moved", "The page of "+name+" that takes the token is another one", "")}
	case domain.UpgradeRemoves:
		return []diffLine{changed("Removed", "There is no hand-over any more. The token stays.", "")}
	}
	return nil
}

func parameterLines(p contract.UpgradePreview) []diffLine {
	var lines []diffLine
	for _, key := range sortedKeys(p.Defaults) {
		lines = append(lines, added("It starts as “"+domain.ParameterText(p.Defaults[key])+"”", key))
	}
	return lines
}

func added(text, id string) diffLine {
	return diffLine{Tone: "good", Icon: "plus", Word: "Added", Text: text, ID: id}
}

func removed(text, id string) diffLine {
	return diffLine{Tone: "bad", Icon: "minus", Word: "Removed", Text: text, ID: id}
}

func changed(word, text, id string) diffLine {
	return diffLine{Tone: "off", Icon: "tilde", Word: word, Text: text, ID: id}
}
