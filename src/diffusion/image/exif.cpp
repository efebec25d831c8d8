#include "diffusion/image/exif.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

using namespace std::string_view_literals;

constexpr uint16_t kOrientation = 0x0112, kExifFolder = 0x8769, kMakerNote = 0x927C,
                   kUserComment = 0x9286;
constexpr uint16_t kShort = 3, kLong = 4, kUndefined = 7;
constexpr std::string_view kExifPrefix = "Exif\0\0"sv, kUnicode = "UNICODE\0"sv,
                           kAscii = "ASCII\0\0\0"sv, kMakerName = "tempera\0"sv;
constexpr size_t kEntry = 12;

// Numbers and bytes at offsets of a TIFF structure; nothing where they are not inside.
struct Tiff {
  std::string_view bytes;
  bool big_endian;

  std::optional<std::string_view> part(size_t offset, size_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
    return bytes.substr(offset, size);
  }
  std::optional<uint32_t> number(size_t offset, size_t size) const {
    const auto found = part(offset, size);
    if (!found) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i)
      value = value << 8 | static_cast<unsigned char>((*found)[big_endian ? i : size - 1 - i]);
    return value;
  }
};

std::optional<Tiff> open_tiff(std::string_view bytes) {
  if (bytes.starts_with(kExifPrefix)) bytes.remove_prefix(kExifPrefix.size());
  if (bytes.starts_with("II*\0"sv)) return Tiff{bytes, false};
  if (bytes.starts_with("MM\0*"sv)) return Tiff{bytes, true};
  return std::nullopt;
}

// The offset of a folder's entry of that tag.
std::optional<size_t> find_entry(const Tiff& tiff, size_t folder, uint16_t tag) {
  const auto count = tiff.number(folder, 2);
  for (size_t i = 0; count && i < *count; ++i) {
    const size_t entry = folder + 2 + i * kEntry;
    if (tiff.number(entry, 2) == tag) return entry;
  }
  return std::nullopt;
}

// Of an entry whose elements are bytes; up to four lie in the entry itself.
std::string_view entry_bytes(const Tiff& tiff, size_t folder, uint16_t tag) {
  const auto entry = find_entry(tiff, folder, tag);
  if (!entry) return {};
  const auto size = tiff.number(*entry + 4, 4), offset = tiff.number(*entry + 8, 4);
  if (!size || !offset) return {};
  return tiff.part(*size <= 4 ? *entry + 8 : *offset, *size).value_or(""sv);
}

std::u32string utf16_units(std::string_view bytes, bool big_endian) {
  std::u32string units;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    units += big_endian ? first << 8 | second : second << 8 | first;
  }
  return units;
}

std::string from_utf16(const std::u32string& units) {
  std::u32string text;
  const auto is_in = [](char32_t unit, char32_t low) { return unit >= low && unit < low + 0x400; };
  for (size_t i = 0; i < units.size(); ++i) {
    const bool is_pair =
        is_in(units[i], 0xD800) && i + 1 < units.size() && is_in(units[i + 1], 0xDC00);
    if (is_pair) {
      text += 0x10000 + ((units[i] - 0xD800) << 10) + (units[i + 1] - 0xDC00);
      ++i;
    } else {
      text += units[i] >= 0xD800 && units[i] < 0xE000 ? U'\uFFFD' : units[i];
    }
  }
  return to_utf8(text);
}

// Writers disagree on whether the comment follows the file's byte order: a byte order mark says,
// else the order in which more units are Latin.
std::string decode_utf16(std::string_view bytes) {
  const std::u32string big = utf16_units(bytes, true), little = utf16_units(bytes, false);
  if (big.empty()) return {};
  if (big[0] == 0xFEFF) return from_utf16(big.substr(1));
  if (little[0] == 0xFEFF) return from_utf16(little.substr(1));
  const auto latin = [](const std::u32string& units) {
    return std::ranges::count_if(units, [](char32_t unit) { return unit < 0x100; });
  };
  return from_utf16(latin(little) > latin(big) ? little : big);
}

std::string decode_comment(std::string_view bytes) {
  std::string text;
  if (bytes.starts_with(kUnicode)) {
    text = decode_utf16(bytes.substr(kUnicode.size()));
  } else if (bytes.size() >= kAscii.size()) {  // or of no kind, or JIS
    text = repair_utf8(bytes.substr(kAscii.size()));
  }
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string big_endian(uint32_t value, int size) {
  std::string bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

std::string encode_comment(std::string_view text) {
  std::string bytes(kUnicode);
  for (char32_t c : to_utf32(repair_utf8(text))) {
    if (c < 0x10000) {
      bytes += big_endian(c, 2);
    } else {
      bytes += big_endian(0xD800 + ((c - 0x10000) >> 10), 2);
      bytes += big_endian(0xDC00 + ((c - 0x10000) & 0x3FF), 2);
    }
  }
  return bytes;
}

std::string entry(uint16_t tag, uint16_t type, size_t count, size_t value) {
  return big_endian(tag, 2) + big_endian(type, 2) + big_endian(static_cast<uint32_t>(count), 4) +
         big_endian(static_cast<uint32_t>(value), 4);
}

// Header, a folder that leads to the Exif folder, and that with the two values behind it.
std::string write_tiff(int orientation, std::string_view note, std::string_view comment) {
  constexpr size_t kFirst = 8, kExif = kFirst + 2 + 2 * kEntry + 4;
  constexpr size_t kValues = kExif + 2 + 2 * kEntry + 4;
  const std::string no_more = big_endian(0, 4);
  return std::string("MM\0*"sv) + big_endian(kFirst, 4) + big_endian(2, 2) +
         entry(kOrientation, kShort, 1, static_cast<size_t>(orientation) << 16) +
         entry(kExifFolder, kLong, 1, kExif) + no_more + big_endian(2, 2) +
         entry(kMakerNote, kUndefined, note.size(), kValues) +
         entry(kUserComment, kUndefined, comment.size(), kValues + note.size()) + no_more +
         std::string(note) + std::string(comment);
}

std::vector<uint8_t> turn(const std::vector<uint8_t>& pixels, int64_t width, int64_t height,
                          int64_t channels, int orientation) {
  const bool turned = orientation >= 5;
  const int64_t across = turned ? height : width, down = turned ? width : height;
  const bool from_right = orientation == 2 || orientation == 3 || orientation >= 7;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::vector<uint8_t> result;
  result.reserve(pixels.size());
  for (int64_t y = 0; y < down; ++y) {
    for (int64_t x = 0; x < across; ++x) {
      const int64_t column = turned ? y : x, row = turned ? x : y;
      const int64_t from = (from_below ? height - 1 - row : row) * width +
                           (from_right ? width - 1 - column : column);
      const auto pixel = pixels.begin() + from * channels;
      result.insert(result.end(), pixel, pixel + channels);
    }
  }
  return result;
}

}  // namespace

Exif parse_exif(std::string_view bytes) {
  Exif exif;
  const std::optional<Tiff> tiff = open_tiff(bytes);
  if (!tiff) return exif;
  const auto first = tiff->number(4, 4);
  if (!first) return exif;
  if (const auto found = find_entry(*tiff, *first, kOrientation)) {
    const uint32_t value = tiff->number(*found + 8, 2).value_or(1);
    if (value >= 1 && value <= 8) exif.orientation = static_cast<int>(value);
  }
  const auto link = find_entry(*tiff, *first, kExifFolder);
  const auto folder = link ? tiff->number(*link + 8, 4) : std::nullopt;
  if (!folder) return exif;
  exif.user_comment = decode_comment(entry_bytes(*tiff, *folder, kUserComment));
  exif.maker_note = entry_bytes(*tiff, *folder, kMakerNote);
  return exif;
}

std::string format_exif(const Exif& exif, size_t limit) {
  std::string note = exif.maker_note + std::string(exif.maker_note.size() % 2, '\0');
  std::string comment = encode_comment(exif.user_comment);
  const size_t fixed = write_tiff(1, "", "").size();
  if (fixed + note.size() + comment.size() > limit) note.clear();
  if (fixed + comment.size() > limit) comment.resize((limit - fixed) / 2 * 2);
  return write_tiff(exif.orientation, note, comment);
}

PictureText text_of(const Exif& exif) {
  PictureText text;
  if (!exif.user_comment.empty()) text.emplace_back("UserComment", exif.user_comment);
  if (exif.maker_note.starts_with(kMakerName)) {
    std::string own = repair_utf8(std::string_view(exif.maker_note).substr(kMakerName.size()));
    own.resize(std::min(own.find('\0'), own.size()));
    text.emplace_back("tempera", std::move(own));
  }
  return text;
}

Exif exif_of(const PictureText& text) {
  Exif exif;
  for (const auto& [keyword, value] : text) {
    if (keyword == "parameters") exif.user_comment = value;
    if (keyword == "tempera") exif.maker_note = std::string(kMakerName) + value;
  }
  return exif;
}

Picture upright(Picture picture, int orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const int64_t width = picture.image.width, height = picture.image.height;
  picture.image.pixels = turn(picture.image.pixels, width, height, 3, orientation);
  if (!picture.alpha.empty()) picture.alpha = turn(picture.alpha, width, height, 1, orientation);
  if (orientation >= 5) std::swap(picture.image.width, picture.image.height);
  return picture;
}

}  // namespace tempera::diffusion
