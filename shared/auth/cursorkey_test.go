package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"plugboard/shared/auth"
)

// vault is a secret of Secrets Manager, with its versions, that counts how often it is read.
type vault struct {
	current, previous string
	reads             int
	failure           error
}

func (v *vault) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput,
	_ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	value := v.current
	if *in.VersionStage == "AWSPREVIOUS" {
		if value = v.previous; value == "" {
			return nil, &types.ResourceNotFoundException{}
		}
	} else {
		v.reads++
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &value}, v.failure
}

func (v *vault) rotate(to string) { v.current, v.previous = to, v.current }

// process is a process of a function, whose clock is the test's.
func process(v *vault, now *time.Time) *auth.CursorKeys {
	return auth.NewCursorKeys(v, auth.CursorKeyConfig{Secret: "cursor-key"}, func() time.Time { return *now })
}

func summed(t *testing.T, k *auth.CursorKeys, message string) []byte {
	t.Helper()
	sum, err := k.Sum(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestCursorKeys_AllProcessesTakeOneAnothersCursors(t *testing.T) {
	v, now := &vault{current: "first"}, time.Now()
	one, two := process(v, &now), process(v, &now)
	verify := func(name string, by *auth.CursorKeys, message string, sum []byte, want bool) {
		t.Helper()
		if got, err := by.Verify(t.Context(), message, sum); err != nil || got != want {
			t.Errorf("%s: got %t, %v; want %t", name, got, err, want)
		}
	}
	before := summed(t, one, "list place")
	verify("the same process", one, "list place", before, true)
	verify("another process", two, "list place", before, true)
	verify("another message", two, "list other", before, false)
	verify("no sum", two, "list place", nil, false)

	now = now.Add(time.Hour)
	v.rotate("second")
	three := process(v, &now)
	after := summed(t, three, "list place")
	verify("an old cursor in a new process", three, "list place", before, true)
	verify("a new cursor in an old process", one, "list place", after, true)
	verify("an old cursor in an old process", one, "list place", before, true)
	now = now.Add(time.Hour)
	v.rotate("third")
	verify("a cursor of two keys ago", process(v, &now), "list place", before, false)
}

func TestCursorKeys_ReadTheirSecretOnceAndForWrongCursorsOnceAMinute(t *testing.T) {
	v, now := &vault{current: "first"}, time.Now()
	k := process(v, &now)
	for range 5 {
		sum := summed(t, k, "a")
		if ok, err := k.Verify(t.Context(), "a", sum); !ok || err != nil {
			t.Fatalf("got %t, %v", ok, err)
		}
		now = now.Add(time.Hour)
	}
	if v.reads != 1 {
		t.Errorf("good cursors took %d reads in five hours, want 1", v.reads)
	}
	for range 50 {
		if ok, err := k.Verify(t.Context(), "a", []byte("wrong")); ok || err != nil {
			t.Fatalf("got %t, %v", ok, err)
		}
		now = now.Add(time.Second)
	}
	if v.reads != 2 {
		t.Errorf("50 wrong cursors in a minute took %d reads, want 1", v.reads-1)
	}
}

func TestCursorKeys_WithoutAKeyThereIsNoCursor(t *testing.T) {
	now := time.Now()
	for name, v := range map[string]*vault{"it cannot be read": {current: "first", failure: errors.New("no")},
		"it is empty": {}} {
		k := process(v, &now)
		if sum, err := k.Sum(t.Context(), "a"); err == nil {
			t.Errorf("%s: got the sum %x", name, sum)
		}
		if ok, err := k.Verify(t.Context(), "a", []byte("x")); ok || err == nil {
			t.Errorf("%s: verified %t, %v", name, ok, err)
		}
	}
}
