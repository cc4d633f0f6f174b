package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// clear makes the CDK CLI able to delete a stack whose first deployment failed. The CLI protects a stack against
// deletion before it creates anything, and would fail on that protection when it deletes the stack to begin again. What
// CloudFormation kept of the failed attempt is named: nothing else tells of it once the stack is gone.
func (c clients) clear(ctx context.Context, name string, s stack, out io.Writer) error {
	kept, err := c.kept(ctx, name)
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		fmt.Fprintf(out, "The failed deployment left these behind, outside the new stack. They are empty; "+
			"infra/README.md says how to delete them:\n  %s\n", strings.Join(kept, "\n  "))
	}
	if !s.protected {
		return nil
	}
	fmt.Fprintln(out, "Taking the protection against deletion from the failed stack.")
	_, err = c.stacks.UpdateTerminationProtection(ctx,
		&cloudformation.UpdateTerminationProtectionInput{StackName: &name,
			EnableTerminationProtection: aws.Bool(false)})
	if err != nil {
		return fmt.Errorf("take the protection against deletion from %s: %w", name, err)
	}
	return nil
}

// kept are the resources of a rolled-back stack that were not deleted with the others.
func (c clients) kept(ctx context.Context, name string) (kept []string, err error) {
	pages := cloudformation.NewListStackResourcesPaginator(c.stacks,
		&cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list what is left of %s: %w", name, err)
		}
		for _, r := range page.StackResourceSummaries {
			if r.ResourceStatus != types.ResourceStatusDeleteComplete && aws.ToString(r.PhysicalResourceId) != "" {
				kept = append(kept, aws.ToString(r.ResourceType)+" "+aws.ToString(r.PhysicalResourceId))
			}
		}
	}
	return kept, nil
}

// explain says which resources failed, and how to go on.
func (c clients) explain(ctx context.Context, name string) error {
	failed, err := c.failures(ctx, name)
	if err != nil || len(failed) == 0 {
		return nil // the CLI's own words are all there is
	}
	return errors.New("what failed:\n- " + strings.Join(failed, "\n- ") +
		"\nMend it, and run `make deploy` again: it clears away what a failed first deployment left")
}

// failures are the resources that failed in the last deployment, the first to fail first.
func (c clients) failures(ctx context.Context, name string) (failed []string, err error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(c.stacks,
		&cloudformation.DescribeStackEventsInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx) // the newest event first
		if err != nil {
			return nil, err
		}
		for _, e := range page.StackEvents {
			reason := aws.ToString(e.ResourceStatusReason)
			if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && !strings.Contains(reason, "cancelled") {
				failed = append([]string{fmt.Sprintf("%s (%s): %s", aws.ToString(e.LogicalResourceId),
					aws.ToString(e.ResourceType), reason)}, failed...)
			}
			if reason == begun {
				return failed, nil
			}
		}
	}
	return failed, nil
}

// begun is CloudFormation's reason of a deployment's first event.
const begun = "User Initiated"

// outputs prints where the stack is.
func (c clients) outputs(ctx context.Context, name string, out io.Writer) error {
	s, err := c.stack(ctx, name)
	if err != nil || s == nil {
		return errors.Join(err, fmt.Errorf("the stack %s is not there after its deployment", name))
	}
	fmt.Fprintf(out, "%s is deployed.\n", name)
	for _, o := range s.Outputs {
		switch key := aws.ToString(o.OutputKey); key {
		case "ApiUrl", "PlatformKeySecret", "AlarmTopic":
			fmt.Fprintf(out, "  %-18s %s\n", key, aws.ToString(o.OutputValue))
		}
	}
	return nil
}
