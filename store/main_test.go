package store_test

import (
	"testing"

	"rally/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
