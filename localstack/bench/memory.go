package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"plugboard/infra/memory"
	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

const (
	// cpuMB is how much memory has one CPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
	cpuMB = 1769

	// dynamoWait is how long a request is taken to wait for DynamoDB: two calls of 5 ms. It is not measured here.
	dynamoWait = 10 * time.Millisecond

	// asked is how many requests are measured, of each of two kinds.
	asked = 200
)

// choices are the sizes that the table compares, in MB.
var choices = []int{128, 192, 256, 384, 512, 768, 1024}

// choose prints what a function's memory does to time and cost. CPU time is measured on this machine; how long an
// invocation takes with a share of a CPU is computed from it, and from how long it waits for others.
func choose(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench memory", flag.ContinueOnError)
	outputs := flags.String("outputs", "localstack/outputs.json", "the outputs file of `make up`, on MiniStack")
	if err := flags.Parse(args); err != nil {
		return err
	}
	request, err := requestTime(ctx, *outputs)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, 2*time.Second)
	if err != nil {
		return err
	}
	defer b.close()
	for _, row := range rows {
		if row.name != reference {
			continue
		}
		r, _, err := b.measure(ctx, row)
		if err != nil {
			return err
		}
		compare(os.Stdout, r.CPU/time.Duration(r.Batches), request, usual.Batch)
	}
	return nil
}

// compare prints the table for these CPU times of a delivery's batch and of an API request.
func compare(out io.Writer, batch, request time.Duration, size int) {
	sizes := memory.Of("prod")
	fmt.Fprintf(out, "CPU: %.1f ms a batch of %d deliveries, %.1f ms an API request, measured on this machine "+
		"(x86-64). Waiting: %s for endpoints, %s for\n"+
		"DynamoDB, assumed. Time: waiting, and the CPU time over the share of a CPU that the memory brings. Dollars: "+
		"Lambda alone, arm64,\nat list prices of %s. prod: %d MB for the API, %d MB for workers.\n\n",
		inMilliseconds(batch), size, inMilliseconds(request), slow, dynamoWait, pricesOf, sizes.API, sizes.Worker)
	fmt.Fprintf(out, "%6s%14s%24s%14s%22s\n", "MB", "ms a batch", "$ a million deliveries", "ms a request",
		"$ a million requests")
	for _, mb := range choices {
		a, c := invocationTime(slow, batch, mb), invocationTime(dynamoWait, request, mb)
		fmt.Fprintf(out, "%6d%14.0f%24.2f%14.0f%22.2f\n", mb, inMilliseconds(a),
			invocationPrice(a, mb)/float64(size)*1e6, inMilliseconds(c), invocationPrice(c, mb)*1e6)
	}
}

// invocationTime is how long an invocation takes that waits for so long and needs so much CPU time, with so much
// memory.
func invocationTime(wait, cpu time.Duration, mb int) time.Duration {
	return wait + cpu*cpuMB/time.Duration(min(mb, cpuMB))
}

// invocationPrice is what one costs, in dollars. Lambda bills by the millisecond.
func invocationPrice(long time.Duration, mb int) float64 {
	return lambdaRequest + long.Round(time.Millisecond).Seconds()*float64(mb)/1024*lambdaGBSecond
}

func inMilliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// requestTime is the CPU time of a request to the function contracts, as MiniStack's process of it uses it: half are
// reads by a user's JWT, half are writes by the platform, each a transaction.
func requestTime(ctx context.Context, outputs string) (time.Duration, error) {
	c, err := client.Open(outputs)
	if err != nil {
		return 0, err
	}
	const account = domain.AccountID("bench-memory")
	put := contract.PutAccountInput{Account: account}
	put.Body.Name = "Memory"
	if _, err := client.Call(ctx, c, c.Platform(), contract.PutAccount, put); err != nil {
		return 0, err
	}
	user := contract.PutUserInput{Account: account, User: "ada"}
	user.Body.Email, user.Body.Role, user.Body.Workspaces = "ada@bench.test", domain.Admin, []domain.WorkspaceID{}
	ada, err := c.User(account, "ada")
	if err != nil {
		return 0, err
	}
	ask := func(n int) error {
		for i := range n {
			user.Body.Name = fmt.Sprint("Ada ", time.Now().UnixNano(), i)
			if _, err := client.Call(ctx, c, c.Platform(), contract.PutUser, user); err != nil {
				return err
			}
			if _, err := client.Call(ctx, c, ada, contract.ListWorkspaces, contract.ListWorkspacesInput{}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := ask(5); err != nil { // what a process does once
		return 0, err
	}
	before, err := processTime(c.Outputs.Functions["contracts"], c.Outputs.Endpoint)
	if err != nil {
		return 0, err
	}
	if err := ask(asked); err != nil {
		return 0, err
	}
	after, err := processTime(c.Outputs.Functions["contracts"], c.Outputs.Endpoint)
	return (after - before) / (2 * asked), err
}

// userHertz is how many ticks a second /proc counts in, on every Linux that Go runs on.
const userHertz = 100

var statTimes = regexp.MustCompile(`\) \S+(?: \S+){10} (\d+) (\d+) `) // utime and stime, the 14th and 15th field

// processTime is the CPU time that the processes of a function have used.
func processTime(function, endpoint string) (used time.Duration, err error) {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	found := false
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(environ, []byte("AWS_LAMBDA_FUNCTION_NAME="+function+"\x00")) ||
			!bytes.Contains(environ, []byte(endpoint)) {
			continue // another's, or gone
		}
		stat, err := os.ReadFile(strings.TrimSuffix(path, "environ") + "stat")
		times := statTimes.FindSubmatch(stat)
		if err != nil || times == nil {
			continue
		}
		found = true
		for _, ticks := range times[1:] {
			n, _ := strconv.ParseInt(string(ticks), 10, 64)
			used += time.Duration(n) * time.Second / userHertz
		}
	}
	if !found {
		return 0, fmt.Errorf("no process of %s is on this machine: measure on MiniStack, with its port of its own",
			function)
	}
	return used, nil
}
