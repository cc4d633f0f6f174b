// Package frontdoor gives a deployed stack a clean address on this machine, as a domain does on AWS, and the sign-in
// that stands in for the platform's.
package frontdoor

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/localstack/issuer"
	"plugboard/localstack/outputs"
)

// IssuerPath is where the sign-in is, at the front door's address.
const IssuerPath = "/issuer"

// New leads to the stack, and keeps the Host by which a browser came.
func New(out outputs.Outputs) (http.Handler, error) {
	api, err := url.Parse(out.APIURL)
	if err != nil {
		return nil, fmt.Errorf("the outputs' address of the API: %w", err)
	}
	keys, err := issuer.Load(out.IssuerDir)
	if err != nil {
		return nil, err
	}
	people := func(ctx context.Context) ([]issuer.Person, error) { return peopleOf(ctx, out) }
	mux := http.NewServeMux()
	mux.Handle(IssuerPath+"/", http.StripPrefix(IssuerPath,
		issuer.NewSignIn(keys, out.ConsoleURL+"/console/signed-in", people)))
	mux.Handle("GET /{$}", http.RedirectHandler("/console/extensions", http.StatusSeeOther))
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(api)
		r.Out.Host = r.In.Host
	}})
	return mux, nil
}

// peopleOf are the users that are stored, each with the accounts that have one of that id.
func peopleOf(ctx context.Context, out outputs.Outputs) ([]issuer.Person, error) {
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &out.Endpoint, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	found := map[string]issuer.Person{}
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{
		TableName: &out.AccountsTable, FilterExpression: aws.String("begins_with(sk, :user)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":user": &types.AttributeValueMemberS{Value: "USER#"}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for the people in %s: %w", out.AccountsTable, err)
		}
		for _, item := range page.Items {
			p := found[text(item, "id")]
			p.ID, p.Name = text(item, "id"), text(item, "name")
			p.Accounts = append(p.Accounts, text(item, "account_id"))
			role := text(item, "role") + " of " + text(item, "account_id")
			p.About = strings.TrimPrefix(p.About+", "+role, ", ")
			found[p.ID] = p
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b issuer.Person) int {
		return strings.Compare(a.Name, b.Name)
	}), nil
}

func text(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
