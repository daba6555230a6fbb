package dummy_test

import (
	"testing"

	"github.com/destam-go/destamgen/drivers/dummy"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Driver { return dummy.Open() }, nil)
}
