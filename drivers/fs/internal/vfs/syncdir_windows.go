package vfs

// SyncDir does nothing: Windows opens no directory for writing, and NTFS
// journals its entries in order.
func (machine) SyncDir(string) error { return nil }
