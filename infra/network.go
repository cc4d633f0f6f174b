package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// UsesFixedAddresses lets the function reach the internet from the stage's own addresses, which partners can let
// through their firewalls; on a stage that has none, it changes nothing. DynamoDB is reached past them, which costs
// nothing; what else the function asks of AWS goes through them, and is paid by the byte. The others tell callers the
// addresses.
func (f *Function) UsesFixedAddresses(others ...*Function) {
	d, n := f.drawing, int(f.drawing.stage.FixedAddresses)
	if n == 0 {
		return
	}
	scope := constructs.NewConstruct(d.Stack, jsii.String("network"))
	var allocations, addresses []*string
	for i := range n {
		address := awsec2.NewCfnEIP(scope, jsii.String(fmt.Sprintf("address-%d", i+1)),
			&awsec2.CfnEIPProps{Domain: jsii.String("vpc")})
		allocations, addresses = append(allocations, address.AttrAllocationId()),
			append(addresses, address.AttrPublicIp())
		d.output(fmt.Sprintf("Address%d", i+1), address.AttrPublicIp())
	}
	for _, other := range others {
		joined := awscdk.Fn_Join(jsii.String(","), &addresses)
		other.function.AddEnvironment(jsii.String("DELIVERY_ADDRESSES"), joined, nil)
	}
	vpc := awsec2.NewVpc(scope, jsii.String("vpc"), &awsec2.VpcProps{
		MaxAzs: jsii.Number(n), NatGateways: jsii.Number(n),
		NatGatewayProvider: awsec2.NatProvider_Gateway(&awsec2.NatGatewayProps{EipAllocationIds: &allocations}),
		// The custom resource that would empty it runs on no emulator; it lets nothing in that others do not send.
		RestrictDefaultSecurityGroup: jsii.Bool(false),
	})
	vpc.AddGatewayEndpoint(jsii.String("dynamodb"),
		&awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()})
	outwards := awsec2.NewSecurityGroup(scope, jsii.String("outwards"), &awsec2.SecurityGroupProps{Vpc: vpc})
	var subnets []*string
	for _, s := range *vpc.PrivateSubnets() {
		subnets = append(subnets, s.SubnetId())
	}
	fn := f.function.Node().DefaultChild().(awslambda.CfnFunction)
	fn.SetVpcConfig(&awslambda.CfnFunction_VpcConfigProperty{SubnetIds: &subnets,
		SecurityGroupIds: &[]*string{outwards.SecurityGroupId()}})
	// The EC2 actions of AWSLambdaVPCAccessExecutionRole, version 3, which know no resource:
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html.
	f.allow(Grant{
		Actions: []string{
			"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
			"ec2:DeleteNetworkInterface",
			"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
		},
		Resource: jsii.String("*"),
	}).ApplyBefore(fn)
}
