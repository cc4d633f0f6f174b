package console

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The form of an installation's parameters.

type parametersPage struct {
	Extension contract.CatalogueExtension
	Key, ETag string
	Fields    []parameterInput
	Wrong     []formField
	Changed   []keyValue // what somebody else changed meanwhile
	Stale     bool
}

// parameterInput is a parameter's field.
type parameterInput struct {
	formField
	Key       string
	Was       string // the value that the form began with, to tell later who changed it
	Removable bool   // an optional secret that has a value
}

// Names of what the form sends, before a parameter's key, which may be any word.
const (
	valuePrefix  = "value."
	wasPrefix    = "was."
	removePrefix = "remove."
)

func (k *Console) parameters(q *request) (answer, error) {
	page, _, err := readParameters(q, nil)
	return answer{template: "parameters", title: "Parameters of " + page.Extension.Name, data: page}, err
}

// readParameters is the form, with the values that were sent, if any.
func readParameters(q *request, sent url.Values) (parametersPage, contract.ReadParametersOutput, error) {
	e, i, err := installationOf(q)
	if err != nil {
		return parametersPage{}, contract.ReadParametersOutput{}, err
	}
	out, err := call(q, contract.ReadParameters, contract.ReadParametersInput{Extension: i.Extension})
	if err != nil {
		return parametersPage{}, out, err
	}
	page := parametersPage{Extension: e, Key: rand.Text(), ETag: out.ETag}
	for _, p := range out.Body.Parameters {
		page.Fields = append(page.Fields, parameterInputOf(i.Extension, p, sent))
	}
	return page, out, nil
}

func parameterInputOf(e domain.ExtensionID, p contract.GivenParameter, sent url.Values) parameterInput {
	f := parameterInput{formField: parameterField(contract.NeededParameter{Extension: e, Parameter: p.Parameter})}
	f.ID, f.Key, f.Pointer = valuePrefix+p.Key, p.Key, "/parameters/"+domain.EscapePointer(p.Key)
	f.Value = valueText(p)
	f.Was = f.Value
	if p.Schema.WriteOnly && p.HasValue {
		f.Hint, f.Removable = strings.TrimSpace(p.Schema.Description+
			" It has a value, which is never shown. Empty keeps it."), !p.Required
		f.Required = false
	}
	if sent != nil && !p.Schema.WriteOnly {
		f.Value = sent.Get(f.ID)
	}
	return f
}

// valueText is a value as the form shows it.
func valueText(p contract.GivenParameter) string {
	if p.Value == nil {
		return ""
	}
	return domain.ParameterText(p.Value)
}

// saveParameters sends what the person changed, and nothing else.
func (k *Console) saveParameters(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	sent := q.PostForm
	page, read, err := readParameters(q, sent)
	if err != nil {
		return answer{}, err
	}
	in := contract.UpdateParametersInput{Extension: page.Extension.Extension, IfMatch: sent.Get("etag")}
	in.Body.Parameters = changedParameters(read.Body.Parameters, sent)
	_, err = callOnce(q, contract.UpdateParameters, in, sent.Get("key"))
	if err == nil {
		return goTo("installations/" + string(page.Extension.Extension)), nil
	}
	p, refused := problem(err)
	switch {
	case refused && p.Status == http.StatusPreconditionFailed:
		page.markStale(sent)
	case refused && p.Status == http.StatusUnprocessableEntity:
		page.mark(p, sent)
	default:
		return answer{}, err
	}
	title := "Nothing was saved · " + page.Extension.Name
	return answer{template: "parameters", title: title, data: page, status: p.Status}, nil
}

// changedParameters are the values that differ from those that the form began with; nil removes one.
func changedParameters(known []contract.GivenParameter, sent url.Values) map[string]domain.ParameterValue {
	changed := map[string]domain.ParameterValue{}
	for _, p := range known {
		text, was := strings.TrimSpace(sent.Get(valuePrefix+p.Key)), sent.Get(wasPrefix+p.Key)
		if p.Schema.Type == domain.BooleanParameter { // an empty checkbox sends nothing
			text, was = cmp.Or(text, "false"), cmp.Or(was, "false")
		}
		switch {
		case p.Schema.WriteOnly && text == "" && sent.Get(removePrefix+p.Key) != "":
			changed[p.Key] = nil
		case p.Schema.WriteOnly && text == "", !p.Schema.WriteOnly && text == was:
		case text == "":
			changed[p.Key] = nil
		default:
			changed[p.Key] = parameterValue(p.Schema, text)
		}
	}
	return changed
}

// markStale names the values that somebody else changed, and keeps those that were sent.
func (page *parametersPage) markStale(sent url.Values) {
	page.Stale = true
	for n, f := range page.Fields {
		if f.Was == sent.Get(wasPrefix+f.Key) {
			continue
		}
		page.Changed = append(page.Changed, keyValue{f.Label, f.Was})
		if sent.Get(f.ID) == sent.Get(wasPrefix+f.Key) { // the person left it alone: theirs stays
			page.Fields[n].Value = f.Was
		}
	}
}

func (page *parametersPage) mark(p *contract.Problem, sent url.Values) {
	var fields []formField
	for _, f := range page.Fields {
		fields = append(fields, f.formField)
	}
	for n, f := range mark(fields, p) {
		if f.Kind == "password" && sent.Get(f.ID) == "" {
			f.Error = "" // nothing was entered that is lost
		}
		if n < len(page.Fields) {
			page.Fields[n].formField = f
		}
		if f.Error != "" {
			page.Wrong = append(page.Wrong, f)
		}
	}
	for n, f := range page.Fields {
		page.Fields[n].Was = sent.Get(wasPrefix + f.Key)
	}
	page.ETag = sent.Get("etag")
}
