package handlers

import (
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
)

// before reads from the address which entry a list goes on before, by its id; 0
// is for the newest. EMalformed for what no page of the list has given.
func before(c echo.Context) (id int64, err error) {
	cursor := c.QueryParam("before")
	if cursor == "" {
		return 0, nil
	}
	if id, err = strconv.ParseInt(cursor, 10, 64); err != nil || id <= 0 {
		return 0, rally.Errorf(rally.EMalformed, "error.invalid", "cursor %q", cursor)
	}
	return id, nil
}
