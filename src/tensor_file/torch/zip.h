#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace tempera {

// A file inside a zip archive.
struct ZipEntry {
  std::string name;
  uint64_t size = 0;                  // when unpacked
  std::span<const std::byte> packed;  // as it lies in the archive
  bool is_deflated = false;           // else stored: `packed` are its bytes
  uint32_t crc = 0;                   // of the unpacked bytes
};

// The entries of a zip archive (APPNOTE 6.3.10, with its 64-bit extensions), without their bytes
// being read. All lie inside `bytes`.
//
// Ours, because no zip library tells where a stored entry's bytes lie, which are mapped, not
// copied.
//
// data_loss: not an archive, cut short, or its lists contradict each other; unsupported: encrypted,
// split, or packed in another way than deflate; resource_exhausted: more than kMaxZipEntries.
inline constexpr uint64_t kMaxZipEntries = 100'000;
Result<std::vector<ZipEntry>> read_zip(std::span<const std::byte> bytes, std::string_view where);

// Unpacks a deflated entry, or copies a stored one. resource_exhausted: its size is more than
// `limit`; data_loss: it does not unpack to exactly its size and checksum.
Result<std::vector<std::byte>> unpack(const ZipEntry& entry, uint64_t limit,
                                      std::string_view where);

}  // namespace tempera
