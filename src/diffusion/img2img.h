#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// What the pictures begin as in the place of noise (SDEdit, https://arxiv.org/abs/2108.01073): it
// is encoded, noised to the level of a later step, and denoised from there.
struct ImageInput {
  std::vector<Image> images;  // of the request's size: one for all pictures, or one a picture
  // f32 [pictures, 4, height / 8, width / 8], times scaling_factor, in the place of images.
  std::vector<float> latents;
  double strength = 0.75;  // which part of the steps is run, 0 to 1
  // a1111: as many steps as asked for, whatever the strength.
  bool exact_steps = false;
};

inline bool is_given(const ImageInput& init) {
  return !init.images.empty() || !init.latents.empty();
}

// invalid_argument for a strength out of range, or images that are not of the size, or not one for
// all or one a picture.
Status check(const ImageInput& init, int64_t pictures, int64_t width, int64_t height);

// f32 [3, height, width], -1..1.
std::vector<float> planes_of(const Image& image);

// One image: planes f32 [1, 3, height, width] -> the moments of its latents: mean, then logarithm
// of the variance, f32 [1, 8, height / 8, width / 8].
using EncodeImage = std::function<Status(std::span<const float> planes, std::span<float> moments)>;

// The mean and deviation of an image's latents.
class Posterior {
 public:
  // `planes` as EncodeImage takes them; `latents`: elements of the latents of a picture.
  static Result<Posterior> encode(const EncodeImage& encode, std::span<const float> planes,
                                  size_t latents);
  // noise -> (mean + deviation * noise) * scaling_factor, in place.
  void sample(double scaling_factor, std::span<float> noise) const;

 private:
  std::vector<float> mean_, deviation_;
};

}  // namespace tempera::diffusion
