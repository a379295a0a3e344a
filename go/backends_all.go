//go:build !slim

package main

import _ "github.com/rclone/rclone/backend/all" // every remote type of rclone
