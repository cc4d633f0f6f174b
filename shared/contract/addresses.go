package contract

// The addresses that deliveries come from.

type ListDeliveryAddressesInput struct{}

type ListDeliveryAddressesOutput struct {
	Body struct {
		Fixed     bool     `json:"fixed" doc:"Whether deliveries come from fixed addresses. Without, they come from any of AWS's in the region."`
		Addresses []string `json:"addresses" doc:"The IPv4 addresses that deliveries come from, for a firewall. Empty when they are not fixed." example:"[\"198.51.100.7\"]"`
	}
}
