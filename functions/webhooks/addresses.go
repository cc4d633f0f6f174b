package webhooks

import (
	"context"

	"plugboard/shared/contract"
)

// AddressConfig names the addresses that deliveries come from; none where the stage has no fixed ones.
type AddressConfig struct {
	Addresses []string `env:"DELIVERY_ADDRESSES"`
}

// SendingFrom tells the service which addresses deliveries come from.
func (s *Service) SendingFrom(c AddressConfig) *Service {
	s.addresses = c.Addresses
	return s
}

// DeliveryAddresses lists the addresses that deliveries come from.
func (s *Service) DeliveryAddresses(
	context.Context, *contract.ListDeliveryAddressesInput,
) (*contract.ListDeliveryAddressesOutput, error) {
	out := &contract.ListDeliveryAddressesOutput{}
	out.Body.Fixed, out.Body.Addresses = len(s.addresses) > 0, s.addresses
	return out, nil
}
