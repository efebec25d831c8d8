#include "tensor_file/torch/zip.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace tempera {
namespace {

using Bytes = std::span<const std::byte>;

// Fields of a record, by their offsets in it; records are checked for their sizes first.
uint64_t field(Bytes record, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(record[offset + i]);
  return value;
}

constexpr uint32_t kEnd = 0x06054b50;           // end of central directory
constexpr uint32_t kEnd64 = 0x06064b50;         // the same with 64-bit numbers
constexpr uint32_t kEnd64Locator = 0x07064b50;  // right before kEnd where there is one
constexpr uint32_t kDirectoryEntry = 0x02014b50;
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr size_t kEndBytes = 22, kEnd64Bytes = 56, kEnd64LocatorBytes = 20;
constexpr size_t kDirectoryEntryBytes = 46, kLocalHeaderBytes = 30;
constexpr uint64_t kIn64Bits = 0xffffffff;  // stands for: see the 64-bit field
constexpr uint64_t kExtra64 = 1;            // the extra field that has them

Error bad_zip(std::string_view where, std::string_view problem) {
  return error(ErrorCode::data_loss, "{}: as a zip archive {}; download the file again", where,
               problem);
}

// `size` bytes at `offset` of `bytes`; nothing if they are not all there.
std::optional<Bytes> slice(Bytes bytes, uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(offset, size);
}

struct Directory {
  uint64_t entries = 0, offset = 0, size = 0;
};

// The end record is the last thing but a comment of up to 65535 bytes.
std::optional<size_t> find_end(Bytes bytes) {
  if (bytes.size() < kEndBytes) return std::nullopt;
  const size_t last = bytes.size() - kEndBytes;
  const size_t first = last > 0xffff ? last - 0xffff : 0;
  for (size_t at = last + 1; at-- > first;)
    if (field(bytes, at, 4) == kEnd && at + kEndBytes + field(bytes, at + 20, 2) == bytes.size())
      return at;
  return std::nullopt;
}

Result<Directory> find_directory(Bytes bytes, std::string_view where) {
  const auto end = find_end(bytes);
  if (!end) return bad_zip(where, "it has no end: it is cut short");
  const Bytes record = bytes.subspan(*end, kEndBytes);
  Directory directory{field(record, 10, 2), field(record, 16, 4), field(record, 12, 4)};
  const auto locator = *end < kEnd64LocatorBytes
                           ? std::nullopt
                           : slice(bytes, *end - kEnd64LocatorBytes, kEnd64LocatorBytes);
  if (locator && field(*locator, 0, 4) == kEnd64Locator) {
    const auto wide = slice(bytes, field(*locator, 8, 8), kEnd64Bytes);
    if (!wide || field(*wide, 0, 4) != kEnd64) return bad_zip(where, "its 64-bit end is missing");
    directory = {field(*wide, 32, 8), field(*wide, 48, 8), field(*wide, 40, 8)};
  }
  if (!slice(bytes, directory.offset, directory.size))
    return bad_zip(where, "its list of files lies outside of it");
  return directory;
}

// Replaces those of the three numbers that stand in the extra field instead.
bool widen(Bytes extra, ZipEntry& entry, uint64_t& packed_size, uint64_t& offset) {
  while (extra.size() >= 4) {
    const uint64_t id = field(extra, 0, 2), size = field(extra, 2, 2);
    const auto content = slice(extra, 4, size);
    if (!content) return false;
    size_t at = 0;
    for (uint64_t* number : {&entry.size, &packed_size, &offset}) {
      if (id != kExtra64 || *number != kIn64Bits) continue;
      if (at + 8 > content->size()) return false;
      *number = field(*content, at, 8);
      at += 8;
    }
    if (id == kExtra64) return true;
    extra = extra.subspan(4 + size);
  }
  return true;
}

// The bytes behind the entry's local header, which repeats the directory's with other extra fields.
std::optional<Bytes> find_packed(Bytes bytes, uint64_t offset, uint64_t size) {
  const auto header = slice(bytes, offset, kLocalHeaderBytes);
  if (!header || field(*header, 0, 4) != kLocalHeader) return std::nullopt;
  const uint64_t names = field(*header, 26, 2) + field(*header, 28, 2);
  return slice(bytes, offset + kLocalHeaderBytes + names, size);
}

// Reads one entry of the directory's rest and moves on.
Result<ZipEntry> read_entry(Bytes bytes, Bytes& rest, std::string_view where) {
  if (rest.size() < kDirectoryEntryBytes || field(rest, 0, 4) != kDirectoryEntry)
    return bad_zip(where, "its list of files breaks off");
  const uint64_t flags = field(rest, 8, 2), method = field(rest, 10, 2);
  const uint64_t name = field(rest, 28, 2), extra = field(rest, 30, 2), note = field(rest, 32, 2);
  uint64_t packed_size = field(rest, 20, 4), offset = field(rest, 42, 4);
  ZipEntry entry{.size = field(rest, 24, 4),
                 .is_deflated = method == 8,
                 .crc = static_cast<uint32_t>(field(rest, 16, 4))};
  if (!slice(rest, kDirectoryEntryBytes, name + extra + note))
    return bad_zip(where, "its list of files breaks off");
  const Bytes text = rest.subspan(kDirectoryEntryBytes, name);
  entry.name.assign(reinterpret_cast<const char*>(text.data()), text.size());
  if ((flags & 1) != 0 || (method != 0 && method != 8))
    return error(ErrorCode::unsupported, "{}: {} in this zip archive is {}", where,
                 quote(entry.name), (flags & 1) != 0 ? "encrypted" : "packed in an unusual way");
  const bool is_widened =
      widen(rest.subspan(kDirectoryEntryBytes + name, extra), entry, packed_size, offset);
  const auto packed = find_packed(bytes, offset, packed_size);
  if (!is_widened || !packed || (!entry.is_deflated && entry.size != packed_size))
    return bad_zip(where, fmt::format("{} lies outside of it", quote(entry.name)));
  entry.packed = *packed;
  rest = rest.subspan(kDirectoryEntryBytes + name + extra + note);
  return entry;
}

// Unpacks into exactly `out`; false where the stream is broken or of another size.
bool inflate_into(Bytes packed, std::span<std::byte> out) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  constexpr size_t kPiece = size_t{1} << 30;  // zlib counts in 32 bits
  size_t read = 0, written = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t in = std::min(kPiece, packed.size() - read);
    const size_t room = std::min(kPiece, out.size() - written);
    std::byte none{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
    stream.next_out = reinterpret_cast<Bytef*>(room > 0 ? out.data() + written : &none);
    stream.avail_in = static_cast<uInt>(in);
    stream.avail_out = static_cast<uInt>(room);
    status = ::inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += room - stream.avail_out;
  }
  ::inflateEnd(&stream);
  return status == Z_STREAM_END && written == out.size();
}

bool has_crc(Bytes bytes, uint32_t want) {
  return ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == want;
}

}  // namespace

Result<std::vector<ZipEntry>> read_zip(std::span<const std::byte> bytes, std::string_view where) {
  ASSIGN_OR_RETURN(const Directory directory, find_directory(bytes, where));
  if (directory.entries > kMaxZipEntries)
    return error(ErrorCode::resource_exhausted,
                 "{}: the zip archive has {} files, more than the {} that are read", where,
                 directory.entries, kMaxZipEntries);
  Bytes rest = bytes.subspan(directory.offset, directory.size);
  std::vector<ZipEntry> entries;
  while (entries.size() < directory.entries) {
    ASSIGN_OR_RETURN(ZipEntry entry, read_entry(bytes, rest, where));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<std::byte>> unpack(const ZipEntry& entry, uint64_t limit,
                                      std::string_view where) {
  if (entry.size > limit)
    return error(ErrorCode::resource_exhausted,
                 "{}: {} unpacks to {} bytes from {}, more than the {} that are unpacked of such a "
                 "file; unzip it yourself if you trust it",
                 where, quote(entry.name), entry.size, entry.packed.size(), limit);
  std::vector<std::byte> unpacked;
  if (entry.is_deflated) {
    unpacked.resize(entry.size);
    if (!inflate_into(entry.packed, unpacked))
      return bad_zip(where, fmt::format("{} does not unpack", quote(entry.name)));
  } else {
    unpacked.assign(entry.packed.begin(), entry.packed.end());
  }
  if (!has_crc(unpacked, entry.crc))
    return bad_zip(where, fmt::format("{} has another checksum", quote(entry.name)));
  return unpacked;
}

}  // namespace tempera
