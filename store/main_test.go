package store_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"rally/store"
	"rally/store/storetest"
)

// holdCluster, in the environment, makes the test binary a process that starts
// the cluster in the folder it names, says so, and waits to be killed.
const holdCluster = "RALLY_TEST_HOLD_CLUSTER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdCluster); dir != "" {
		_, err := store.StartCluster(context.Background(), store.ClusterConfig{Dir: dir, Fast: os.Getenv("FAST") != ""})
		fmt.Println("started:", err)
		select {}
	}
	storetest.Main(m)
}
