#include "diffusion/image/write_image.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "diffusion/image/jpeg.h"
#include "diffusion/image/png.h"
#include "diffusion/image/webp.h"

namespace tempera::diffusion {

std::optional<ImageFormat> image_format(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  if (extension.empty() || extension == ".png") return ImageFormat::png;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::jpeg;
  if (extension == ".webp") return ImageFormat::webp;
  return std::nullopt;
}

Result<std::string> encode_image(ImageFormat format, const Image& image, const PictureText& text,
                                 int quality) {
  if (format == ImageFormat::jpeg) return encode_jpeg(image, text, quality);
  if (format == ImageFormat::webp) return encode_webp(image, text, quality);
  return encode_png(image, text);
}

Status write_image(const std::string& path, const Image& image, const PictureText& text,
                   int quality) {
  const ImageFormat format = image_format(path).value_or(ImageFormat::png);
  ASSIGN_OR_RETURN(const std::string file, encode_image(format, image, text, quality));
  return write_file(path, file);
}

}  // namespace tempera::diffusion
