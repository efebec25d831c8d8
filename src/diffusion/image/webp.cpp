#include "diffusion/image/webp.h"

#include <webp/decode.h>
#include <webp/encode.h>

#include "base/check.h"
#include "diffusion/image/exif.h"

namespace tempera::diffusion {
namespace {

using namespace std::string_view_literals;

constexpr size_t kRiffHeader = 12, kChunkHeader = 8;
constexpr char kHasExif = 0x08;
constexpr size_t kMaxExif = size_t{16} << 20;

std::string little_endian(size_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

size_t read_little_endian(std::string_view bytes) {
  size_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Chunks are padded to an even size.
std::string chunk(std::string_view type, std::string_view data) {
  return std::string(type) + little_endian(data.size(), 4) + std::string(data) +
         std::string(data.size() % 2, '\0');
}

std::string_view find_chunk(std::string_view file, std::string_view type) {
  std::string_view rest = file.substr(std::min(kRiffHeader, file.size()));
  while (rest.size() >= kChunkHeader) {
    const size_t size = read_little_endian(rest.substr(4));
    if (size > rest.size() - kChunkHeader) break;
    if (rest.substr(0, 4) == type) return rest.substr(kChunkHeader, size);
    rest.remove_prefix(std::min(rest.size(), kChunkHeader + size + size % 2));
  }
  return {};
}

// The same file with EXIF: a header chunk of what is inside, the picture's own chunks, EXIF last.
std::string with_exif(std::string_view file, const Image& image, const std::string& exif) {
  const std::string header = std::string{kHasExif, 0, 0, 0} +
                             little_endian(static_cast<size_t>(image.width - 1), 3) +
                             little_endian(static_cast<size_t>(image.height - 1), 3);
  const std::string body =
      "WEBP" + chunk("VP8X", header) + std::string(file.substr(kRiffHeader)) + chunk("EXIF", exif);
  return "RIFF" + little_endian(body.size(), 4) + body;
}

}  // namespace

Result<Picture> decode_webp(std::string_view bytes, std::string_view where) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto broken = [&] {
    return error(ErrorCode::data_loss, "{}: not a valid WebP: the file is damaged or cut short",
                 where);
  };
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) return broken();
  if (features.has_animation)
    return error(ErrorCode::unsupported, "{}: it is an animation; give a still picture", where);
  TRY(check_pixels(features.width, features.height, where));
  const int channels = features.has_alpha ? 4 : 3;
  const int stride = features.width * channels;
  std::vector<uint8_t> pixels(static_cast<size_t>(stride) * static_cast<size_t>(features.height));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(data, bytes.size(), pixels.data(), pixels.size(), stride)) return broken();
  Picture picture{{features.width, features.height, {}}, {}, {}};
  if (features.has_alpha) {
    picture = picture_from_rgba(pixels, features.width, features.height);
  } else {
    picture.image.pixels = std::move(pixels);
  }
  const Exif exif = parse_exif(find_chunk(bytes, "EXIF"));
  picture.text = text_of(exif);
  return upright(std::move(picture), exif.orientation);
}

Result<std::string> encode_webp(const Image& image, const PictureText& text, int quality) {
  const int width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  uint8_t* bytes = nullptr;
  const size_t size =
      quality == 100 ? WebPEncodeLosslessRGB(image.pixels.data(), width, height, 3 * width, &bytes)
                     : WebPEncodeRGB(image.pixels.data(), width, height, 3 * width,
                                     static_cast<float>(quality), &bytes);
  const std::string file(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  if (size == 0)
    return error(ErrorCode::resource_exhausted,
                 "a picture of {}x{} does not become a WebP, whose sides are at most {}",
                 image.width, image.height, WEBP_MAX_DIMENSION);
  if (text.empty()) return file;
  return with_exif(file, image, format_exif(exif_of(text), kMaxExif));
}

}  // namespace tempera::diffusion
