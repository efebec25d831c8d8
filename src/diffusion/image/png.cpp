#include "diffusion/image/png.h"

#include <png.h>

#include <csetjmp>
#include <cstring>
#include <memory>

#include "base/file.h"
#include "diffusion/image/png_text.h"

namespace tempera::diffusion {
namespace {

// Of texts and profiles, in bytes: libpng allocates what a chunk claims before it reads it.
constexpr png_alloc_size_t kLargestChunk = 1 << 26;

// Deflate makes at most so many bytes of one.
constexpr size_t kMaxInflation = 1032;
// Behind the signature (8 bytes) and the header chunk (25): the first place for other chunks.
constexpr size_t kAfterHeader = 8 + 25;

// What libpng's callbacks share. Libpng leaves them by longjmp, so that neither they nor the
// functions that call libpng between setjmp and its end may own anything.
struct Reading {
  std::string_view bytes;
  size_t position = 0;
  char message[128] = {};
};

void on_error(png_structp png, png_const_charp message) {
  auto* reading = static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading->message, message, sizeof reading->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, size_t size) {
  auto* reading = static_cast<Reading*>(png_get_io_ptr(png));
  if (size > reading->bytes.size() - reading->position) png_error(png, "the file is cut short");
  std::memcpy(to, reading->bytes.data() + reading->position, size);
  reading->position += size;
}

struct PngReader {
  explicit PngReader(Reading& reading)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning)),
        info(png ? png_create_info_struct(png) : nullptr) {
    if (png) png_set_read_fn(png, &reading, on_read);
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  png_structp png;
  png_infop info;
};

// False when libpng failed; the message is then set.
bool read_header(const PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_user_limits(reader.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(reader.png, kLargestChunk);
  png_read_info(reader.png, reader.info);
  return true;
}

// To 8-bit RGB or RGBA.
bool expand(const PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_rows(const PngReader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

// Bytes of all rows as the file holds them, before anything is expanded.
size_t stored_bytes(const PngReader& reader) {
  const size_t bits = size_t{png_get_image_width(reader.png, reader.info)} *
                      png_get_channels(reader.png, reader.info) *
                      png_get_bit_depth(reader.png, reader.info);
  return (bits + 7) / 8 * png_get_image_height(reader.png, reader.info);
}

// Refuses, before memory is taken, what cannot be a picture of the size that the header says.
Status check_size(const PngReader& reader, std::string_view bytes, std::string_view where) {
  TRY(check_pixels(png_get_image_width(reader.png, reader.info),
                   png_get_image_height(reader.png, reader.info), where));
  if (stored_bytes(reader) / kMaxInflation <= bytes.size()) return {};
  return error(ErrorCode::data_loss, "{}: not a valid PNG: {} bytes cannot hold {}x{} pixels",
               where, bytes.size(), png_get_image_width(reader.png, reader.info),
               png_get_image_height(reader.png, reader.info));
}

Result<Picture> decode_pixels(std::string_view bytes, std::string_view where) {
  Reading reading{bytes};
  const PngReader reader(reading);
  const auto failure = [&] {
    return error(ErrorCode::data_loss, "{}: not a valid PNG: {}", where, reading.message);
  };
  if (!reader.info) return error(ErrorCode::resource_exhausted, "{}: no memory to read it", where);
  if (!read_header(reader)) return failure();
  TRY(check_size(reader, bytes, where));
  if (!expand(reader)) return failure();
  const int64_t width = png_get_image_width(reader.png, reader.info);
  const int64_t height = png_get_image_height(reader.png, reader.info);
  const size_t stride = png_get_rowbytes(reader.png, reader.info);
  const int64_t channels = png_get_channels(reader.png, reader.info);
  CHECK(stride == static_cast<size_t>(channels * width), "a row of another size");
  std::vector<uint8_t> pixels(stride * static_cast<size_t>(height));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = pixels.data() + y * stride;
  if (!read_rows(reader, rows.data())) return failure();
  if (channels == 4) return picture_from_rgba(pixels, width, height);
  return Picture{{width, height, std::move(pixels)}, {}, {}};
}

}  // namespace

Result<std::string> encode_png(const Image& image, const PictureText& text) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string file(size, '\0');
  if (!png_image_write_to_memory(&header, file.data(), &size, 0, image.pixels.data(), 0, nullptr))
    return error(ErrorCode::resource_exhausted, "a picture of {}x{} does not become a PNG: {}",
                 image.width, image.height, header.message);
  file.resize(size);
  std::string chunks;
  for (const auto& [keyword, value] : text) chunks += make_text_chunk(keyword, value);
  return file.insert(kAfterHeader, chunks);
}

Status write_png(const std::string& path, const Image& image, const PictureText& text) {
  ASSIGN_OR_RETURN(const std::string file, encode_png(image, text));
  return write_file(path, file);
}

Result<Picture> decode_png(std::string_view bytes, std::string_view where) {
  ASSIGN_OR_RETURN(Picture picture, decode_pixels(bytes, where));
  ASSIGN_OR_RETURN(picture.text, read_png_text(bytes, where));
  return picture;
}

Result<Picture> read_png(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  return decode_png(bytes, path);
}

}  // namespace tempera::diffusion
