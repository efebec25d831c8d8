#pragma once

#include "diffusion/image/image.h"
#include "diffusion/image/mask.h"

namespace tempera::diffusion {

// How a finished picture goes over the one that it began as.
struct Composite {
  Image background;  // empty: the finished picture stays as it is
  Mask weight;       // of the background's size; 255 takes the finished picture, 0 the background
  Region region;     // of the background, that the finished picture covers; it is resized to it
};

// Of the background's size. Where the weight is 0 the background's pixels are exact.
Image composite(const Composite& over, Image finished);

}  // namespace tempera::diffusion
