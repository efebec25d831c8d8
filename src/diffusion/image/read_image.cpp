#include "diffusion/image/read_image.h"

#include <algorithm>
#include <iterator>

#include "base/file.h"
#include "diffusion/image/exif.h"
#include "diffusion/image/jpeg.h"
#include "diffusion/image/png.h"
#include "diffusion/image/png_text.h"
#include "diffusion/image/webp.h"

namespace tempera::diffusion {
namespace {

using namespace std::string_view_literals;

constexpr size_t kMaxFile = size_t{256} << 20;

Result<Picture> decode_png_upright(std::string_view bytes, std::string_view where) {
  ASSIGN_OR_RETURN(Picture picture, decode_png(bytes, where));
  return upright(std::move(picture), parse_exif(find_png_chunk(bytes, "eXIf")).orientation);
}

struct Format {
  std::string_view name;
  size_t offset;
  std::string_view magic;                                                     // at that offset
  Result<Picture> (*decode)(std::string_view bytes, std::string_view where);  // null: not read
};

constexpr Format kFormats[] = {
    {"PNG", 0, "\x89PNG\r\n\x1A\n"sv, decode_png_upright},
    {"JPEG", 0, "\xFF\xD8\xFF"sv, decode_jpeg},
    {"WebP", 8, "WEBP"sv, decode_webp},
    {"GIF", 0, "GIF8"sv, nullptr},
    {"AVIF", 4, "ftypavif"sv, nullptr},
    {"HEIC", 4, "ftyphei"sv, nullptr},
    {"HEIC", 4, "ftypmif1"sv, nullptr},
    {"TIFF", 0, "II*\0"sv, nullptr},
    {"TIFF", 0, "MM\0*"sv, nullptr},
    {"JPEG XL", 0, "\xFF\x0A"sv, nullptr},
    {"JPEG XL", 4, "JXL \r\n\x87\n"sv, nullptr},
    {"PSD", 0, "8BPS"sv, nullptr},
    {"BMP", 0, "BM"sv, nullptr},
};

const Format* format_of(std::string_view bytes) {
  const auto* found = std::ranges::find_if(kFormats, [&](const Format& format) {
    return bytes.size() >= format.offset && bytes.substr(format.offset).starts_with(format.magic);
  });
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace

bool is_image(std::string_view first_bytes) {
  const Format* format = format_of(first_bytes);
  return format && format->decode;
}

Result<Picture> decode_image(std::string_view bytes, std::string_view where) {
  if (bytes.empty()) return error(ErrorCode::data_loss, "{}: the file is empty", where);
  const Format* format = format_of(bytes);
  if (!format)
    return error(ErrorCode::data_loss, "{}: no picture; PNG, JPEG and WebP are read", where);
  if (!format->decode)
    return error(ErrorCode::unsupported, "{}: it is a {} picture; PNG, JPEG and WebP are read",
                 where, format->name);
  return format->decode(bytes, where);
}

Result<Picture> read_image(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, read_file(path, kMaxFile));
  return decode_image(bytes, path);
}

}  // namespace tempera::diffusion
