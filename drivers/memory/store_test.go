package memory_test

import (
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Driver { return memory.Open(nil) }, nil)
}
