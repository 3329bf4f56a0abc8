/** Hands the user a file of this text to save. */
export function saveFile(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The download has begun by then; the memory is free again.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
