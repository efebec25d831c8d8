// The bundled model's VAE in tiles against the same at once.

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "api/compile/compile.h"
#include "api/run/generate/vae.h"
#include "diffusion/image/compare_images.h"

namespace tempera::api {
namespace {

constexpr int64_t kWidth = 320, kHeight = 256, kScale = 8;

std::unique_ptr<Session> open(int threads) {
  return *Session::open(*open_model(TEMPERA_SOURCE_DIR "/models/tempera-emoji", {}, {}), "cpu",
                        threads);
}

diffusion::PictureRequest request_of(const Session& session, bool tiling) {
  const GenerateSettings settings{
      .prompt = "a red heart", .width = kWidth, .height = kHeight, .seeds = {1}, .tiling = tiling};
  return *resolve(settings, session.info());
}

// Areas of colour with edges between them, whose opposite sides meet.
std::vector<float> drawn() {
  std::vector<float> planes(static_cast<size_t>(3 * kWidth * kHeight));
  for (size_t i = 0; i < planes.size(); ++i) {
    const double x = static_cast<double>(i % kWidth) / kWidth * 2 * std::numbers::pi;
    const double y = static_cast<double>(i / kWidth % kHeight) / kHeight * 2 * std::numbers::pi;
    const auto plane = static_cast<double>(i / (kWidth * kHeight));
    planes[i] = static_cast<float>(
        std::tanh(8 * std::sin(3 * x + plane) * std::cos(2 * y + x) + 3 * std::cos(x) + 1));
  }
  return planes;
}

// Means and logarithms of variances, [2 channels, h, w].
std::vector<float> encoded(Session& session, diffusion::PictureRequest request, int64_t tile) {
  const std::vector<float> planes = drawn();
  request.init.images = {diffusion::image_from_planes(planes, kWidth, kHeight)};
  const auto pass = prepare(session, request, {.encode_tile = tile});
  std::vector<float> moments(static_cast<size_t>(8 * kWidth * kHeight / kScale / kScale));
  const Status status = encode_image(session, *pass, planes, moments);
  EXPECT_TRUE(status.ok()) << status.error().message;
  return moments;
}

std::vector<float> means_of(std::vector<float> moments) {
  moments.resize(moments.size() / 2);
  return moments;
}

diffusion::Image decoded(Session& session, const diffusion::PictureRequest& request, int64_t tile,
                         std::span<const float> latent) {
  const auto pass = prepare(session, request, {.decode_tile = tile});
  std::vector<float> planes(static_cast<size_t>(3 * kWidth * kHeight));
  const Status status = decode(session, *pass, latent, planes);
  EXPECT_TRUE(status.ok()) << status.error().message;
  return diffusion::image_from_planes(planes, kWidth, kHeight);
}

void expect_same_picture(bool tiling, std::initializer_list<int64_t> tiles, double least) {
  const auto session = open(2);
  const diffusion::PictureRequest request = request_of(*session, tiling);
  const std::vector<float> latent = means_of(encoded(*session, request, 0));
  const diffusion::Image whole = decoded(*session, request, 0, latent);
  for (const int64_t tile : tiles) {
    const double decibels = diffusion::psnr(decoded(*session, request, tile, latent), whole);
    std::printf("%4.1f dB in tiles of %d\n", decibels, static_cast<int>(tile * kScale));
    EXPECT_GE(decibels, least) << tile;
  }
}

TEST(VaeTiles, GiveThePictureThatIsDecodedAtOnce) { expect_same_picture(false, {24, 20}, 45); }

TEST(VaeTiles, GiveThePictureWhoseSidesMeet) { expect_same_picture(true, {24}, 42); }

TEST(VaeTiles, GiveTheSameOnAnyNumberOfThreads) {
  std::vector<std::vector<uint8_t>> pixels;
  std::vector<float> latent(4 * kWidth * kHeight / kScale / kScale);
  for (size_t i = 0; i < latent.size(); ++i) latent[i] = std::sin(static_cast<float>(i * i % 97));
  for (const int threads : {1, 2}) {
    const auto session = open(threads);
    pixels.push_back(decoded(*session, request_of(*session, false), 24, latent).pixels);
  }
  EXPECT_EQ(pixels[0], pixels[1]);
}

TEST(VaeTiles, EncodeAsAtOnce) {
  const auto session = open(2);
  const diffusion::PictureRequest request = request_of(*session, false);
  const std::vector<float> whole = means_of(encoded(*session, request, 0));
  const std::vector<float> tiled = means_of(encoded(*session, request, 24));
  double signal = 0, noise = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    signal += whole[i] * whole[i];
    noise += (tiled[i] - whole[i]) * (tiled[i] - whole[i]);
  }
  const double decibels = 10 * std::log10(signal / noise);
  std::printf("%4.1f dB\n", decibels);
  EXPECT_GE(decibels, 40);
}

}  // namespace
}  // namespace tempera::api
