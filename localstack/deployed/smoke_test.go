package deployed_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plugboard/localstack/client"
	"plugboard/localstack/faults"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// smoke runs the smoke test on the deployed stack, and returns what it printed.
func smoke(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file, err := filepath.Abs(deployed.outputs)
	must(t, err)
	command := exec.CommandContext(ctx, "go",
		append([]string{"run", "plugboard/infra/smoke", "-outputs", file}, args...)...)
	said, err := command.CombinedOutput()
	return string(said), err
}

// It can be run again and again, and leaves no account and nothing in the catalogue.
func TestSmoke_DoesTheMainJobTwiceAndClearsUp(t *testing.T) {
	endpoint, err := faults.Listen(deployed.Outputs.ReceiverHost) // the story's own takes only signatures that it knows
	must(t, err)
	t.Cleanup(endpoint.Close)
	for _, args := range [][]string{{}, {"-endpoint", endpoint.URL}} {
		said, err := smoke(t, args...)
		if err != nil || !strings.Contains(said, "All of it works.") {
			t.Fatalf("with %q: %v\n%s", args, err, said)
		}
		_, rest, _ := strings.Cut(said, "in the account ")
		account, _, _ := strings.Cut(rest, ":")
		users := contract.PutUserInput{Account: domain.AccountID(account), User: "ada"}
		users.Body.Name, users.Body.Email, users.Body.Role, users.Body.Workspaces = "Ada", adaEmail, domain.Admin,
			[]domain.WorkspaceID{}
		_, err = client.Call(t.Context(), deployed.Client, deployed.Platform(), contract.PutUser, users)
		refusal(t, err, 404, "not-found")
	}
	listed := call(t, deployed.ada, contract.ListCatalogue, contract.ListCatalogueInput{})
	for _, offered := range listed.Body.Items {
		if offered.Extension == "plugboard-smoke-test" {
			t.Error("its extension is still in the catalogue")
		}
	}
}

// An endpoint that refuses fails the test, which clears up all the same.
func TestSmoke_SaysWhatFailedAndClearsUp(t *testing.T) {
	said, err := smoke(t, "-endpoint", deployed.Outputs.APIURL+"/nowhere")
	if err == nil || !strings.Contains(said, "see its webhook sent and logged: the attempt failed: 404") ||
		!strings.Contains(said, "clear away the account") {
		t.Errorf("%v\n%s", err, said)
	}
}
