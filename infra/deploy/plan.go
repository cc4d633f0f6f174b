package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// unreserved is what Lambda keeps of an account's concurrency for functions that reserve none, and what the API's five
// functions need at the least: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html.
const unreserved = 100

// action is what a deployment does with the stack that is there.
type action string

const (
	create   action = "creates"
	update   action = "updates"
	recreate action = "removes what is left of a first deployment that failed, and creates"
)

// decide says what a deployment would do, or everything that stands in its way, each with the way out.
func decide(a assembly, in account, lowConcurrency bool) (action, []string) {
	var refusals []string
	refuse := func(format string, args ...any) { refusals = append(refusals, fmt.Sprintf(format, args...)) }
	stage := strings.TrimPrefix(a.stack, "plugboard-")
	switch {
	case in.bootstrap == 0:
		refuse("The account %s is not bootstrapped for CDK in %s: run `make bootstrap STAGE=%s` once.", in.id,
			in.region, stage)
	case in.bootstrap < a.bootstrap:
		refuse("The bootstrap stack in %s is of version %d, and version %d is needed: run `make bootstrap "+
			"STAGE=%s` again.", in.region, in.bootstrap, a.bootstrap, stage)
	}
	if placeholders := a.placeholders(); len(placeholders) > 0 {
		refuse("The issuer %s is a placeholder: give the stage %s its own in infra/stages.go, with audience and "+
			"key URL.", strings.Join(placeholders, ", "), stage)
	}
	if need := a.mappings + unreserved; in.concurrency < need && !lowConcurrency {
		refuse("Lambda runs %d executions at once in this account and region. The queues may take %d, and the API "+
			"needs %d beside them.\n"+
			"  Ask for %d or more (Service Quotas, Lambda, \"Concurrent executions\"), or lower DeliveryMost, "+
			"SlowDeliveryMost and\n"+
			"  ProvisioningMost in infra/stages.go. LOW_CONCURRENCY=1 deploys all the same: the API then answers 5xx "+
			"under load.",
			in.concurrency, a.mappings, unreserved, need)
	}
	what, wrong := ofStatus(in.stack.status)
	if wrong != "" {
		refuse("The stack %s is %s: %s", a.stack, in.stack.status, wrong)
	}
	return what, refusals
}

// ofStatus says what to do with a stack in that status, or why nothing can be done with it now.
func ofStatus(status types.StackStatus) (what action, wrong string) {
	switch status {
	case "", types.StackStatusReviewInProgress:
		return create, ""
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed:
		return recreate, ""
	case types.StackStatusDeleteFailed:
		return "", "delete it first; CloudFormation's events say what it cannot delete."
	case types.StackStatusUpdateRollbackFailed:
		return "", "mend what its events name, and run `aws cloudformation continue-update-rollback`."
	}
	if strings.HasSuffix(string(status), "_IN_PROGRESS") {
		return "", "wait until that is over."
	}
	return update, ""
}

// say is what a person should know before it happens.
func say(a assembly, in account, what action) string {
	said := fmt.Sprintf("This %s %s in account %s, region %s:\n  %d resources, %d functions for %s; by %s.\n",
		what, a.stack, in.id, in.region, a.resources, a.functions, a.processor(), in.caller)
	if what == update {
		said += fmt.Sprintf("  `make diff STAGE=%s` shows what changes.\n", strings.TrimPrefix(a.stack, "plugboard-"))
	}
	return said + fmt.Sprintf("  The queues may take %d of the account's %d concurrent executions of Lambda.\n",
		a.mappings, in.concurrency)
}
