package functions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"plugboard/functions/contracts"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

func TestRule27_ADeletedUserIsNobodyAnywhereAndWhatTheUserMadeStays(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.enableHandOff()
	made := a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(a.template(a.templateType("acme-crm")))),
		201).str("id")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 200)
	code := a.handOff("").code
	a.putUser(a.account, "zoe", "zoe@customer.test", "admin")
	at := "/v1/accounts/customer/users/ada"
	a.want(a.call(platform, "DELETE", at, nil), 204)
	a.refused(a.call(platform, "DELETE", at, nil), 404, "not-found")

	a.refused(a.call(a.admin, "GET", "/v1/me", nil), 401, "unauthenticated")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 422)
	a.want(a.exchange(a.partner, code), 422)
	zoe := a.dashboard(a.account, "zoe")
	if got := a.want(a.call(zoe, "GET", "/v1/contracts/"+made, nil), 200); got.str("created_by") != "ada" {
		t.Errorf("the contract reads %s", got.raw)
	}
	a.putUser(a.account, "zoe", adminEmail, "admin") // the e-mail is free
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 200)
	a.want(a.call(a.dashboard("other", "ada"), "GET", "/v1/me", nil), 200)
	a.putUser(a.account, "ada", "again@customer.test", "member")
	a.refused(a.call(a.admin, "POST", "/v1/tokens", object{"name": "N", "scopes": []string{}}), 403, "missing-role")

	a.want(a.call(platform, "DELETE", "/v1/accounts/customer", nil), 202)
	a.refused(a.call(platform, "DELETE", at, nil), 404, "not-found")
}

func TestRule27_ADeletedTemplateIsGoneForNewContractsAlone(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	template := a.template(typeID)
	made := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(template, [2]string{"order_number", "7"})), 201).str("id")
	a.want(a.call(a.admin, "DELETE", "/v1/templates/"+template, nil), 204)

	got := a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(template)), 422)
	if pointers := got.pointers(); len(pointers) != 1 || pointers[0] != "/template_id" {
		t.Errorf("got %s", got.raw)
	}
	offered := a.want(a.call(a.admin, "GET", "/v1/helpers/contract-create-data?extension_type=acme-crm", nil), 200)
	if bytes.Contains(offered.raw, []byte(template)) {
		t.Errorf("the helper still offers %s", offered.raw)
	}
	at := "/v1/contracts/" + made
	a.want(a.call(a.admin, "PATCH", at+"/data-fields",
		object{"data_fields": []object{{"custom_id": "order_number", "value": "8"}}}), 200)
	a.want(a.call(a.integration(adminEmail), "POST", at+"/publish", nil), 200)
	if left := a.want(a.call(a.admin, "POST", at+"/sign", nil), 200); left.str("template_id") != template ||
		left.str("values", 0, "value") != "8" {
		t.Errorf("the contract reads %s", left.raw)
	}

	// The type of its own is free with the last template of it.
	own := a.ownTypeInUse()
	// no extension's
	a.refused(a.call(a.integration(adminEmail), "DELETE", "/v1/templates/own-1", nil), 404, "not-found")
	a.want(a.call(a.admin, "DELETE", "/v1/templates/own-1", nil), 204)
	a.refused(a.call(a.admin, "DELETE", "/v1/template-types/"+own, nil), 409, "template-type-in-use")
	a.want(a.call(platformFor(a.account), "DELETE", "/v1/templates/own-2", nil), 204)
	a.want(a.call(a.admin, "DELETE", "/v1/template-types/"+own, nil), 204)
	a.want(a.call(a.integration(adminEmail), "DELETE", "/v1/templates/"+a.template(typeID), nil), 204)
}

func TestRule27_AWorkspaceIsDeletedWhenNothingNamesIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	made := a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(template)), 201).str("id")
	const at = "/v1/accounts/customer/workspaces/sales"
	before := a.dump()
	a.refused(a.call(platform, "DELETE", at, nil), 409, "workspace-in-use")
	if a.dump() != before {
		t.Error("a refused deletion changed something")
	}
	a.want(a.call(a.admin, "DELETE", "/v1/templates/"+template, nil), 204)
	if detail := a.refused(a.call(platform, "DELETE", at, nil), 409, "workspace-in-use").
		str("detail"); !strings.Contains(detail, `"mel"`) {
		t.Errorf("it does not name the user: %s", detail)
	}
	a.putUser(a.account, "mel", memberEmail, "member")
	used := a.used(domain.QuotaWorkspaces)
	a.want(a.call(platform, "DELETE", at, nil), 204)
	a.refused(a.call(platform, "DELETE", at, nil), 404, "not-found")
	if got := a.used(domain.QuotaWorkspaces); got != used-1 {
		t.Errorf("%d workspaces count, want %d", got, used-1)
	}
	a.want(a.call(a.admin, "GET", "/v1/contracts/"+made, nil), 200)
	a.want(a.call(platform, "PUT", "/v1/accounts/customer/users/mel",
		object{"email": memberEmail, "name": "mel", "role": "member", "workspaces": []string{"sales"}}), 422)
	a.want(a.call(a.dashboard("other", "ada"), "GET", "/v1/workspaces", nil), 200)
}

// Whoever comes second finds what the first did: the deletion what names the workspace, what names it that it is gone.
func TestRule27_AWorkspaceIsNotNamedAndDeletedAtTheSameMoment(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	items := func(to any, item object) {
		raw, err := json.Marshal(object{"items": []object{item}})
		must(t, err)
		must(t, json.Unmarshal(raw, to))
	}
	report := func(r contract.ImportReport) error {
		if got := r.Items[0]; got.Result != contract.ImportCreated {
			return errors.New(string(got.Result) + " " + got.Code)
		}
		return nil
	}
	naming := map[string]func(s *contracts.Service, at string) error{
		"a user": func(s *contracts.Service, at string) error {
			in := &contract.PutUserInput{Account: a.account, User: domain.UserID("zoe-" + at)}
			in.Body = contract.UserBody{Email: at + "@zoe.test", Name: "Zoe", Role: domain.Member,
				Workspaces: []domain.WorkspaceID{domain.WorkspaceID(at)}}
			_, err := s.PutUser(t.Context(), in)
			return err
		},
		"an imported user": func(s *contracts.Service, at string) error {
			in := &contract.ImportUsersInput{}
			items(&in.Body, userItem("customer", "ivy-"+at, at+"@ivy.test", object{"workspaces": []string{at}}))
			out, err := s.ImportUsers(t.Context(), in)
			must(t, err)
			return report(out.Body)
		},
		"an imported template": func(s *contracts.Service, at string) error {
			in := &contract.ImportTemplatesInput{}
			items(&in.Body, object{"account_id": "customer", "id": "t-" + at, "name": "T", "workspace_id": at,
				"template_type_id": typeID})
			out, err := s.ImportTemplates(t.Context(), in)
			must(t, err)
			return report(out.Body)
		},
		"a template": func(s *contracts.Service, at string) error {
			in := &contract.CreateTemplateInput{}
			in.Body.Name, in.Body.Workspace, in.Body.TemplateType = "T", domain.WorkspaceID(at),
				domain.TemplateTypeID(typeID)
			_, err := s.CreateTemplate(auth.With(t.Context(),
				auth.Caller{Model: auth.ModelPlatform, Account: a.account}), in)
			return err
		},
	}
	service := func(do func()) *contracts.Service {
		hook := &interrupted{at: 1, do: do} // all is read, nothing committed
		return contracts.New(a.tables.At(a.now, hook.option), a.now, domain.NewID)
	}
	for what, name := range naming {
		for _, deletesFirst := range []bool{true, false} {
			at := fmt.Sprintf("w%d", a.used(domain.QuotaWorkspaces))
			id := domain.WorkspaceID(at)
			gone := "/v1/accounts/customer/workspaces/" + at
			a.want(a.call(platform, "PUT", gone, object{"name": at}), 200)
			if deletesFirst {
				if err := name(service(func() { a.want(a.call(platform, "DELETE", gone, nil), 204) }), at); err == nil {
					t.Errorf("%s named a workspace that was deleted meanwhile", what)
				}
				a.want(a.call(platform, "PUT", gone, object{"name": at}), 200) // nothing names it
				a.want(a.call(platform, "DELETE", gone, nil), 204)
				continue
			}
			late := service(func() { must(t, name(contracts.New(a.tables.Store, a.now, domain.NewID), at)) })
			if _, err := late.DeleteWorkspace(t.Context(),
				&contract.DeleteWorkspaceInput{Account: a.account, Workspace: id}); !fault.Is(err, store.Raced) {
				t.Errorf("a workspace was deleted that %s named meanwhile: %v", what, err)
			}
			a.refused(a.call(platform, "DELETE", gone, nil), 409, "workspace-in-use")
		}
	}
}
