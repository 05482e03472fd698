# Programs of one source each, linked with core/ and libs/; scripts/build calls
# it with ROOT, DIR for what is made, SOURCES, FLAGS and LAST, what is linked.

parts := $(wildcard $(ROOT)/src/core/*.c $(ROOT)/src/libs/*.c)
headers := $(wildcard $(ROOT)/src/*/*.h $(dir $(firstword $(SOURCES)))*.h)
objects := $(parts:$(ROOT)/src/%.c=$(DIR)/objects/%.o)
programs := $(patsubst %.c,$(DIR)/%,$(notdir $(SOURCES)))

vpath %.c $(sort $(dir $(SOURCES)))

all: $(programs)

$(DIR)/objects/%.o: $(ROOT)/src/%.c $(headers)
	@mkdir -p $(@D)
	clang $(FLAGS) -c -o $@ $<

$(programs): $(DIR)/%: %.c $(objects) $(headers)
	clang $(FLAGS) -o $@ $< $(objects) $(LAST)
