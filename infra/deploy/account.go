package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// account is what a deployment depends on in an AWS account and region.
type account struct {
	id, region  string
	caller      string // the ARN of whoever deploys
	bootstrap   int    // version of the bootstrap stack; 0 without one
	concurrency int    // executions of Lambda at once, an account's quota in a region
	stack       stack
}

// stack is the deployed one; its status is empty where there is none.
type stack struct {
	status    types.StackStatus
	protected bool
}

// bootstrapStack is the name that `cdk bootstrap` gives it.
const bootstrapStack = "CDKToolkit"

// clients are what is asked of AWS.
type clients struct {
	sts    *sts.Client
	stacks *cloudformation.Client
	lambda *lambda.Client
}

func newClients(c aws.Config) clients {
	return clients{sts: sts.NewFromConfig(c), stacks: cloudformation.NewFromConfig(c), lambda: lambda.NewFromConfig(c)}
}

// identify asks who deploys, and to where.
func (c clients) identify(ctx context.Context, region string) (account, error) {
	if region == "" {
		return account{}, errors.New("no region is given: set AWS_REGION, or AWS_PROFILE to a profile that has one")
	}
	who, err := c.sts.GetCallerIdentity(ctx, nil)
	if err != nil {
		return account{},
			fmt.Errorf("AWS does not take the credentials (`aws sts get-caller-identity` tells more): %w", err)
	}
	return account{id: aws.ToString(who.Account), region: region, caller: aws.ToString(who.Arn)}, nil
}

// inspect asks for the rest.
func (c clients) inspect(ctx context.Context, a *account, name string) error {
	toolkit, err := c.stack(ctx, bootstrapStack)
	if err != nil {
		return err
	}
	if toolkit != nil {
		for _, o := range toolkit.Outputs {
			if aws.ToString(o.OutputKey) == "BootstrapVersion" {
				a.bootstrap, _ = strconv.Atoi(aws.ToString(o.OutputValue)) // none is older than any
			}
		}
	}
	settings, err := c.lambda.GetAccountSettings(ctx, nil)
	if err != nil {
		return fmt.Errorf("ask for the account's Lambda quota: %w", err)
	}
	if settings.AccountLimit != nil {
		a.concurrency = int(settings.AccountLimit.ConcurrentExecutions)
	}
	own, err := c.stack(ctx, name)
	if err != nil || own == nil {
		return err
	}
	a.stack = stack{status: own.StackStatus, protected: aws.ToBool(own.EnableTerminationProtection)}
	return nil
}

// stack is nil where there is none of that name.
func (c clients) stack(ctx context.Context, name string) (*types.Stack, error) {
	got, err := c.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode() == "ValidationError": // CloudFormation's word for it
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("ask for the stack %s: %w", name, err)
	case len(got.Stacks) == 0 || got.Stacks[0].StackStatus == types.StackStatusDeleteComplete:
		return nil, nil
	}
	return &got.Stacks[0], nil
}
