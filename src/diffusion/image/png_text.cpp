#include "diffusion/image/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

constexpr size_t kSignature = 8;
constexpr size_t kMaxText = size_t{64} << 20;

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

uint32_t read_big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (unsigned char byte : bytes.substr(0, 4)) value = value << 8 | byte;
  return value;
}

uint32_t checksum(std::string_view type_and_data) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(type_and_data.data()),
                                     static_cast<uInt>(type_and_data.size())));
}

// UTF-8 as Latin-1, or none where a character is beyond it.
std::optional<std::string> to_latin1(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      result += text[i];
      continue;
    }
    if (byte > 0xC3 || i + 1 == text.size()) return std::nullopt;
    result += static_cast<char>((byte & 0x03) << 6 | (text[++i] & 0x3F));
  }
  return result;
}

std::string from_latin1(std::string_view text) {
  std::string result;
  for (unsigned char byte : text) {
    if (byte >= 0x80) result += static_cast<char>(0xC0 | byte >> 6);
    result += static_cast<char>(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte);
  }
  return result;
}

std::optional<std::string> inflate_all(std::string_view compressed, size_t limit) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string result;
  int status = Z_OK;
  while (status == Z_OK && result.size() < limit) {
    const size_t size = result.size();
    result.resize(size + 16384);
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + size);
    stream.avail_out = 16384;
    status = inflate(&stream, Z_NO_FLUSH);
    result.resize(result.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) return std::nullopt;
  return result;
}

// The bytes up to a NUL, which is taken away too; none without a NUL.
std::optional<std::string_view> take_string(std::string_view& data) {
  const size_t end = data.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view taken = data.substr(0, end);
  data.remove_prefix(end + 1);
  return taken;
}

std::optional<std::string> take_compressed_text(std::string_view data, size_t limit) {
  if (data.empty() || data[0] != 0) return std::nullopt;  // method 0 is deflate
  const std::optional<std::string> text = inflate_all(data.substr(1), limit);
  if (!text) return std::nullopt;
  return from_latin1(*text);
}

std::optional<std::string> take_international_text(std::string_view data, size_t limit) {
  if (data.size() < 2) return std::nullopt;
  const bool compressed = data[0] == 1;
  data.remove_prefix(2);
  if (!take_string(data) || !take_string(data)) return std::nullopt;  // language, keyword in it
  if (compressed) return inflate_all(data, limit);
  return std::string(data);
}

// The text of a text chunk after its keyword; none where it is malformed.
std::optional<std::string> chunk_text(std::string_view type, std::string_view data, size_t limit) {
  if (type == "tEXt") return from_latin1(data);
  if (type == "zTXt") return take_compressed_text(data, limit);
  return take_international_text(data, limit);
}

bool is_text_chunk(std::string_view type) {
  return type == "tEXt" || type == "zTXt" || type == "iTXt";
}

}  // namespace

std::string make_png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  return big_endian(static_cast<uint32_t>(data.size())) + body + big_endian(checksum(body));
}

std::string make_text_chunk(std::string_view keyword, std::string_view value) {
  std::string text = repair_utf8(value);
  std::ranges::replace(text, '\0', ' ');
  const std::string start = std::string(keyword) + '\0';
  if (const std::optional<std::string> latin1 = to_latin1(text))
    return make_png_chunk("tEXt", start + *latin1);
  // Not compressed, no language, no translated keyword.
  return make_png_chunk("iTXt", start + std::string(4, '\0') + text);
}

Result<PictureText> read_png_text(std::string_view file, std::string_view where) {
  PictureText result;
  size_t total = 0;
  std::string_view rest = file.substr(std::min(kSignature, file.size()));
  while (rest.size() >= 12) {
    const size_t size = read_big_endian(rest);
    if (size > rest.size() - 12)
      return error(ErrorCode::data_loss, "{}: the PNG's chunk {} of {} bytes is cut short", where,
                   quote(rest.substr(4, 4)), size);
    const std::string_view type = rest.substr(4, 4);
    std::string_view data = rest.substr(8, size);
    if (is_text_chunk(type)) {
      if (read_big_endian(rest.substr(8 + size)) != checksum(rest.substr(4, 4 + size)))
        return error(ErrorCode::data_loss, "{}: the checksum of the PNG's {} chunk is wrong", where,
                     type);
      const std::optional<std::string_view> keyword = take_string(data);
      std::optional<std::string> text;
      if (keyword) text = chunk_text(type, data, kMaxText - total);
      if (!text)
        return error(ErrorCode::data_loss, "{}: the PNG's {} chunk is malformed", where, type);
      total += text->size();
      if (total > kMaxText)
        return error(ErrorCode::resource_exhausted, "{}: over {} bytes of text", where, kMaxText);
      result.emplace_back(from_latin1(*keyword), *std::move(text));
    }
    rest.remove_prefix(size + 12);
    if (type == "IEND") break;
  }
  return result;
}

std::string_view find_png_chunk(std::string_view file, std::string_view type) {
  std::string_view rest = file.substr(std::min(kSignature, file.size()));
  while (rest.size() >= 12) {
    const size_t size = read_big_endian(rest);
    if (size > rest.size() - 12) break;
    if (rest.substr(4, 4) == type) return rest.substr(8, size);
    rest.remove_prefix(size + 12);
  }
  return {};
}

}  // namespace tempera::diffusion
