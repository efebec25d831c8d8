/* Tempera's C interface: open a model, make pictures, run one component of it.
 *
 * Every struct that a caller fills begins with `struct_size`, which must be sizeof of it: a library
 * of a later version takes the fields of the caller's, and puts defaults for the rest. Fill structs
 * with zeros first; a zero or NULL field means the default, unless it says otherwise.
 * Texts are UTF-8. Objects are not for two threads at once; different ones may be used on different
 * threads. No function throws or ends the process. */
#ifndef TEMPERA_H
#define TEMPERA_H

#include <stddef.h>
#include <stdint.h>

/* NOLINTBEGIN(readability-identifier-naming): C has no namespaces */
#ifdef __cplusplus
extern "C" {
#endif

/* The codes of docs/errors.md: those of the program's exit. */
typedef enum tempera_status {
  TEMPERA_OK = 0,
  TEMPERA_INVALID_ARGUMENT = 2,
  TEMPERA_UNSUPPORTED = 3,
  TEMPERA_NOT_FOUND = 4,
  TEMPERA_DATA_LOSS = 5,
  TEMPERA_RESOURCE_EXHAUSTED = 6,
  TEMPERA_UNAVAILABLE = 7,
  TEMPERA_INTERNAL = 70,
  TEMPERA_CANCELLED = 130
} tempera_status;

/* What the last call of this thread that did not return TEMPERA_OK found wrong: one sentence. Valid
 * until this thread's next call. */
const char* tempera_last_error(void);
/* "0.1.0" */
const char* tempera_version(void);

/* --- Models --- */

typedef struct tempera_model tempera_model;

typedef struct tempera_open_options {
  size_t struct_size;
  const char* cpu;          /* as `tempera compile --cpu` takes it [native] */
  const char* precision;    /* "auto", "f32", "bf16" or "f16" [f32; an artifact's own] */
  const char* weights;      /* "f32", "bf16", "f16" or "int8" [as precision] */
  const char* cache_folder; /* of compiled code [the user's] */
  int32_t threads;          /* that compile and run [one a core] */
} tempera_open_options;

/* A model's folder or file, or an artifact (libtempera-run: artifacts only). Reads no weight yet.
 * `options` may be NULL. */
tempera_status tempera_open(const char* path, const tempera_open_options* options,
                            tempera_model** model);
void tempera_close(tempera_model* model); /* NULL is nothing */

/* --- Pictures --- */

typedef struct tempera_progress {
  size_t struct_size;
  const char* stage; /* "compile", "encode", "load", "denoise" or "decode" */
  int64_t done, total;
} tempera_progress;
/* Called on the thread that generates, a few times a second or at each step; returning 0 stops with
 * TEMPERA_CANCELLED. */
typedef int (*tempera_progress_function)(const tempera_progress* progress, void* user);

typedef struct tempera_generate_options {
  size_t struct_size;
  const char* prompt;
  const char* negative_prompt;
  int64_t width, height; /* pixels, multiples of 8 [the model's] */
  int64_t steps;         /* [20] */
  double guidance_scale; /* 1 does not run the negative prompt [7.5] */
  const char* sampler;   /* a name that `tempera samplers` knows [dpm++2m] */
  const char* schedule;  /* [the sampler's] */
  const uint64_t* seeds; /* one a picture, or one: picture i uses seed + i [one at random] */
  size_t seed_count;
  int64_t batch_size; /* [as many as seeds, at least 1] */
  tempera_progress_function progress;
  void* user; /* handed to `progress` */
} tempera_generate_options;

typedef struct tempera_pictures tempera_pictures;

typedef struct tempera_picture {
  size_t struct_size;
  int64_t width, height;
  const uint8_t* rgb; /* height * width * 3 bytes, rows from the top */
  uint64_t seed;
  const char* parameters; /* the settings, as AUTOMATIC1111 writes them */
} tempera_picture;

tempera_status tempera_generate(tempera_model* model, const tempera_generate_options* options,
                                tempera_pictures** pictures);
size_t tempera_picture_count(const tempera_pictures* pictures);
/* Fills `picture`, whose pointers are valid as long as `pictures`. */
tempera_status tempera_get_picture(const tempera_pictures* pictures, size_t index,
                                   tempera_picture* picture);
/* A PNG that carries its settings; the file appears only when it is complete. */
tempera_status tempera_write_picture(const tempera_pictures* pictures, size_t index,
                                     const char* path);
void tempera_free_pictures(tempera_pictures* pictures);

/* --- Components --- */

typedef enum tempera_dtype {
  TEMPERA_F64,
  TEMPERA_F32,
  TEMPERA_F16,
  TEMPERA_BF16,
  TEMPERA_I64,
  TEMPERA_I32,
  TEMPERA_I8,
  TEMPERA_U8,
  TEMPERA_BOOL
} tempera_dtype;

/* Dense, row-major. */
typedef struct tempera_tensor {
  size_t struct_size;
  const char* name;
  tempera_dtype dtype;
  size_t rank;
  const int64_t* shape;
  const void* data;
} tempera_tensor;

typedef struct tempera_outputs tempera_outputs;

/* Runs "text_encoder" (input_ids [b, tokens]), "unet" (sample [b, c, h, w], timestep [1] or [b],
 * encoder_hidden_states [b, tokens, d]), "vae_decoder" (latent [b, c, h, w]) or "vae_encoder"
 * (image [b, 3, h, w] in -1..1). Inputs are of any integer or float dtype. */
tempera_status tempera_run(tempera_model* model, const char* component,
                           const tempera_tensor* inputs, size_t input_count,
                           tempera_outputs** outputs);
size_t tempera_output_count(const tempera_outputs* outputs);
/* Fills `tensor`, whose pointers are valid as long as `outputs`. */
tempera_status tempera_get_output(const tempera_outputs* outputs, size_t index,
                                  tempera_tensor* tensor);
void tempera_free_outputs(tempera_outputs* outputs);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming) */
#endif
