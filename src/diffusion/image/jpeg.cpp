#include "diffusion/image/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
// After the above: these two include nothing themselves.
#include <jerror.h>
#include <jpeglib.h>

#include "base/check.h"
#include "diffusion/image/exif.h"

namespace tempera::diffusion {
namespace {

using namespace std::string_view_literals;

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr std::string_view kExifPrefix = "Exif\0\0"sv;
// A marker's length field counts itself.
constexpr size_t kMaxMarker = 65533;
// A file of a few bytes a scan could keep a decoder at work for hours.
constexpr int kMaxScans = 1000;

// What libjpeg's callbacks share. They leave by longjmp, so that neither they nor the functions
// that call libjpeg between setjmp and its end may own anything.
struct Failure {
  jpeg_error_mgr manager;  // first: libjpeg hands on its address
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  info->err->format_message(info, failure->message);
  std::longjmp(failure->jump, 1);
}

// Libjpeg fills what is missing with grey and warns: most warnings are damage.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool is_harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM ||
                           code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_PROGRESSION;
  if (level < 0 && !is_harmless) on_error(info);
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* failure = reinterpret_cast<Failure*>(info->err);
  std::strncpy(failure->message, "too many scans", sizeof failure->message - 1);
  std::longjmp(failure->jump, 1);
}

void prepare(Failure& failure) {
  failure.message[0] = '\0';
  jpeg_std_error(&failure.manager);
  failure.manager.error_exit = on_error;
  failure.manager.emit_message = on_message;
}

struct JpegReader {
  JpegReader() {
    prepare(failure);
    info.err = &failure.manager;
    progress.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  Failure failure{};
  jpeg_progress_mgr progress{};
  jpeg_decompress_struct info{};
};

// These three are false when libjpeg failed; the message is then set.
bool read_header(JpegReader& reader, std::string_view bytes) {
  if (setjmp(reader.failure.jump)) return false;
  jpeg_create_decompress(&reader.info);
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(&reader.info, kExifMarker, 0xFFFF);
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

bool start(JpegReader& reader) {
  if (setjmp(reader.failure.jump)) return false;
  const bool is_inked = reader.info.num_components == 4;
  reader.info.out_color_space = is_inked ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&reader.info);
  return true;
}

bool read_rows(JpegReader& reader, JSAMPROW row, size_t stride) {
  if (setjmp(reader.failure.jump)) return false;
  while (reader.info.output_scanline < reader.info.output_height) {
    JSAMPROW rows[] = {row + reader.info.output_scanline * stride};
    jpeg_read_scanlines(&reader.info, rows, 1);
  }
  jpeg_finish_decompress(&reader.info);
  return true;
}

// 255 is no ink, if `inverted`.
std::vector<uint8_t> rgb_from_inks(const std::vector<uint8_t>& inks, bool inverted) {
  std::vector<uint8_t> rgb;
  rgb.reserve(inks.size() / 4 * 3);
  const auto white = [&](size_t i) { return static_cast<int>(inverted ? inks[i] : 255 - inks[i]); };
  for (size_t i = 0; i + 3 < inks.size(); i += 4)
    for (size_t channel = 0; channel < 3; ++channel)
      rgb.push_back(static_cast<uint8_t>((white(i + channel) * white(i + 3) + 127) / 255));
  return rgb;
}

Exif exif_of(const JpegReader& reader) {
  for (jpeg_saved_marker_ptr marker = reader.info.marker_list; marker; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker == kExifMarker && data.starts_with(kExifPrefix)) return parse_exif(data);
  }
  return {};
}

struct JpegWriter {
  JpegWriter() {
    prepare(failure);
    info.err = &failure.manager;
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  Failure failure{};
  jpeg_compress_struct info{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

bool write(JpegWriter& writer, const Image& image, const std::string& exif, int quality) {
  if (setjmp(writer.failure.jump)) return false;
  jpeg_compress_struct& info = writer.info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &writer.bytes, &writer.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  if (!exif.empty())
    jpeg_write_marker(&info, kExifMarker, reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixels.data()) +
                   size_t{info.next_scanline} * info.image_width * 3;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

Result<Picture> decode_jpeg(std::string_view bytes, std::string_view where) {
  JpegReader reader;
  const auto failure = [&] {
    return error(ErrorCode::data_loss, "{}: not a valid JPEG: {}", where, reader.failure.message);
  };
  if (!read_header(reader, bytes)) return failure();
  const int64_t width = reader.info.image_width, height = reader.info.image_height;
  TRY(check_pixels(width, height, where));
  const Exif exif = exif_of(reader);  // libjpeg drops it at the picture's end
  const bool inverted = reader.info.saw_Adobe_marker != 0;
  if (!start(reader)) return failure();
  const auto stride = static_cast<size_t>(width * reader.info.output_components);
  std::vector<uint8_t> pixels(stride * static_cast<size_t>(height));
  if (!read_rows(reader, pixels.data(), stride)) return failure();
  if (reader.info.output_components == 4) pixels = rgb_from_inks(pixels, inverted);
  return upright({{width, height, std::move(pixels)}, {}, text_of(exif)}, exif.orientation);
}

Result<std::string> encode_jpeg(const Image& image, const PictureText& text, int quality) {
  std::string exif;
  if (!text.empty())
    exif = std::string(kExifPrefix) +
           format_exif(diffusion::exif_of(text), kMaxMarker - kExifPrefix.size());
  JpegWriter writer;
  if (!write(writer, image, exif, quality))
    return error(ErrorCode::resource_exhausted, "a picture of {}x{} does not become a JPEG: {}",
                 image.width, image.height, writer.failure.message);
  return std::string(reinterpret_cast<const char*>(writer.bytes), writer.size);
}

}  // namespace tempera::diffusion
