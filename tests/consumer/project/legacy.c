int legacy(int class);
int legacy(int class) { return class; }
